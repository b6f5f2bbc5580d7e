//! JSON that is nested deeper than `serde_json` reads by default: 128 levels.

use std::panic::resume_unwind;
use std::thread;

use serde::Deserialize;

/// Deepest values that are kept in memory: dropping, copying and writing them needs stack for each level.
pub(crate) const MAX_KEPT_DEPTH: usize = 500;
/// Deepest documents that are read at all, on a stack for them.
pub(crate) const MAX_READ_DEPTH: usize = 10_000;
/// Deepest documents that need no larger stack.
const ORDINARY_DEPTH: usize = 128;
/// Stack for documents of the greatest depth, in bytes; only what is used takes memory.
const STACK_BYTES: usize = 128 * 1024 * 1024;

/// Returns how deep the arrays and objects of a JSON text are nested.
pub(crate) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Parses JSON of any depth. The caller bounds the [`depth`].
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    let mut from = serde_json::Deserializer::from_slice(json);
    from.disable_recursion_limit();
    let value = T::deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// Runs work that recurses into a document of this depth, on a thread with a larger stack if it is deep.
///
/// `None` if the document is deeper than [`MAX_READ_DEPTH`], or no thread can be started.
pub(crate) fn on_stack_for<T: Send>(depth: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    if depth <= ORDINARY_DEPTH {
        return Some(work());
    }
    if depth > MAX_READ_DEPTH {
        return None;
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).ok()?;
        Some(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn nested(levels: usize) -> String {
        format!(
            "{}1{}",
            "{\"a\":[".repeat(levels / 2),
            "]}".repeat(levels / 2)
        )
    }

    #[test]
    fn the_depth_is_that_of_arrays_and_objects() {
        let deep = nested(300);
        let table = [
            ("", 0),
            ("1", 0),
            ("{}", 1),
            (r#"{"a": [], "b": [{}]}"#, 3),
            (r#"["{[", "\"[[", "\\", []]"#, 2),
            ("]]][", 1),
            (r#"["[["#, 1),
            (&deep, 300),
        ];
        for (json, expected) in table {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn values_of_the_greatest_depth_need_no_more_stack_than_a_thread_has() {
        let text = nested(MAX_KEPT_DEPTH);
        let value: Value = from_slice(text.as_bytes()).unwrap();
        let copy = value.clone();
        assert_eq!(copy, value);
        let written = copy.to_string();
        assert_eq!(written, text);
        assert!(format!("{copy:?}").len() > text.len());
        assert!(from_slice::<Value>(b"[1] 2").is_err());
    }

    #[test]
    fn documents_of_the_greatest_depth_are_read_on_a_stack_for_them() {
        let text = nested(MAX_READ_DEPTH);
        let written = on_stack_for(MAX_READ_DEPTH, || {
            let value: Value = from_slice(text.as_bytes()).unwrap();
            value.to_string()
        });
        assert!(written.as_ref() == Some(&text));
        assert_eq!(on_stack_for(MAX_READ_DEPTH + 1, || ()), None);
    }
}
