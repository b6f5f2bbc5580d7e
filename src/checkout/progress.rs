//! From what git writes to stderr to lines that may be shown.

use anstream::adapter::strip_str;

use super::mask::Mask;

/// Most of a line that is looked at, in bytes; secrets are found in all of it.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Most of a line that is shown, in characters.
const MAX_SHOWN_CHARS: usize = 1000;

/// Cuts what comes in pieces into lines, and makes each fit to be shown.
///
/// A carriage return ends a line as well: git's progress overwrites itself.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    mask: &'a Mask,
    line: Vec<u8>,
}

impl<'a> Progress<'a> {
    pub(super) const fn new(mask: &'a Mask) -> Self {
        Self {
            mask,
            line: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], mut on_line: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, is_whole) = match piece {
                [text @ .., b'\n' | b'\r'] => (text, true),
                text => (text, false),
            };
            let room = MAX_LINE_BYTES - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if is_whole {
                self.finish(&mut on_line);
            }
        }
    }

    /// Gives out what has no end of line.
    pub(super) fn finish(&mut self, mut on_line: impl FnMut(&str)) {
        let shown = shown(&self.line, self.mask);
        self.line.clear();
        if !shown.is_empty() {
            on_line(&shown);
        }
    }
}

/// A line without what would move a terminal, masked, and no longer than the bound.
pub(super) fn shown(line: &[u8], mask: &Mask) -> String {
    let text = String::from_utf8_lossy(line);
    let plain: String = strip_str(&text)
        .to_string()
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    let masked = mask.apply(plain.trim_end());
    match masked.char_indices().nth(MAX_SHOWN_CHARS) {
        None => masked,
        Some((end, _)) => format!("{}…", &masked[..end]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::source::Credentials;
    use super::*;

    fn lines_of(mask: &Mask, text: &[u8], size: usize) -> Vec<String> {
        let mut progress = Progress::new(mask);
        let mut lines = Vec::new();
        for piece in text.chunks(size) {
            progress.push(piece, |line| lines.push(line.to_owned()));
        }
        progress.finish(|line| lines.push(line.to_owned()));
        lines
    }

    fn mask() -> Mask {
        Mask::of(
            &Credentials::token("hunter2hunter2".into()),
            std::iter::empty(),
        )
    }

    #[test]
    fn lines_are_the_same_however_they_came_in_and_are_masked() {
        let text = b"Receiving 1%\rReceiving 100%\r\n\nremote: \x1b[31mred\x1b[0m\x07 hunter2hunter2\tx\nlast";
        for size in 1..text.len() {
            assert_eq!(
                lines_of(&mask(), text, size),
                [
                    "Receiving 1%",
                    "Receiving 100%",
                    "remote: red *** x",
                    "last"
                ],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let text = "x".repeat(10 * MAX_LINE_BYTES);
        let lines = lines_of(&mask(), text.as_bytes(), 999);
        assert_eq!(lines, [format!("{}…", "x".repeat(MAX_SHOWN_CHARS))]);
    }

    #[test]
    fn a_secret_behind_control_characters_is_found() {
        let lines = lines_of(&mask(), b"hunter2\x1b[0m\x00hunter2\n", 100);
        assert_eq!(lines, ["***"]);
    }

    proptest! {
        #[test]
        fn no_line_holds_a_control_character(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1..50usize) {
            for line in lines_of(&mask(), &bytes, size) {
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}
