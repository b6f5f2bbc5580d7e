//! Parses the control lines that follow the request on stdin, with a bound on memory.

use crate::protocol::{Control, MAX_CONTROL_LINE_BYTES};

/// How many invalid lines are reported one by one.
const MOST_REPORTED: u64 = 10;

/// Splits bytes into control lines, and limits the messages about invalid lines.
#[derive(Debug, Default)]
pub(crate) struct ControlLines {
    received: Vec<u8>,
    /// Offset of the next line in the received bytes.
    start: usize,
    /// Whether the rest of a too long line is being skipped.
    skipping: bool,
    ignored: u64,
}

impl ControlLines {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.received.drain(..self.start);
        self.start = 0;
        self.received.extend_from_slice(bytes);
    }

    /// Returns the next control, or a sentence about an invalid line; `None` if more bytes are needed.
    pub(crate) fn next(&mut self) -> Option<Result<Control, String>> {
        loop {
            let rest = &self.received[self.start..];
            let (line, next_start) = match memchr::memchr(b'\n', rest) {
                Some(end) => (&rest[..end], self.start + end + 1),
                None if rest.len() > MAX_CONTROL_LINE_BYTES => {
                    self.start = self.received.len();
                    if std::mem::replace(&mut self.skipping, true) {
                        return None;
                    }
                    let sentence = format!(
                        "a control line was ignored: it is longer than {MAX_CONTROL_LINE_BYTES} bytes"
                    );
                    return self.ignore(sentence).map(Err);
                }
                None => return None,
            };
            let read = (!std::mem::take(&mut self.skipping))
                .then(|| line.trim_ascii())
                .filter(|line| !line.is_empty())
                .map(Control::parse);
            self.start = next_start;
            match read {
                None => {}
                Some(Ok(control)) => return Some(Ok(control)),
                Some(Err(sentence)) => {
                    if let Some(sentence) = self.ignore(sentence) {
                        return Some(Err(sentence));
                    }
                }
            }
        }
    }

    /// Ends the last line, which may lack its newline; no bytes may follow.
    pub(crate) fn end(&mut self) {
        if !self.received[self.start..].is_empty() {
            self.push(b"\n");
        }
    }

    /// Returns how many lines were ignored without a separate message.
    pub(crate) const fn unreported(&self) -> u64 {
        self.ignored.saturating_sub(MOST_REPORTED)
    }

    /// Returns the message about an ignored line, if there is one.
    fn ignore(&mut self, sentence: String) -> Option<String> {
        self.ignored += 1;
        match self.unreported() {
            0 => Some(sentence),
            1 => Some(
                "more control lines were ignored; from here on they are counted and not reported"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANCEL: &str = "{\"type\":\"cancel\"}";
    const FORCE: &str = "{\"type\":\"cancel\",\"force\":true}";

    /// Returns the outcome of the pieces and their end: `c` cancel, `f` force, `w` a warning.
    fn read<'a>(lines: &mut ControlLines, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut seen = String::new();
        let mut take = |lines: &mut ControlLines| {
            while let Some(read) = lines.next() {
                seen.push(match read {
                    Ok(Control::Cancel { force: false }) => 'c',
                    Ok(Control::Cancel { force: true }) => 'f',
                    Err(_) => 'w',
                });
            }
        };
        for piece in pieces {
            lines.push(piece);
            take(lines);
        }
        lines.end();
        take(lines);
        seen
    }

    fn read_whole(text: &str) -> String {
        read(&mut ControlLines::default(), [text.as_bytes()])
    }

    #[test]
    fn lines_are_read_in_order() {
        let long = "x".repeat(MAX_CONTROL_LINE_BYTES + 1);
        let blank = " ".repeat(MAX_CONTROL_LINE_BYTES + 1);
        let table = [
            (String::new(), ""),
            ("\n \n\t\r\n".to_owned(), ""),
            (format!("{CANCEL}\n{FORCE}\r\n"), "cf"),
            (format!("no\n{CANCEL}\nno\n"), "wcw"),
            (CANCEL.to_owned(), "c"),
            (format!("no\n{FORCE}"), "wf"),
            (format!("{long}\n{CANCEL}\n"), "wc"),
            (long.clone(), "w"),
            (format!("{blank}\n{CANCEL}"), "c"),
            ("no\n".repeat(500) + CANCEL, "wwwwwwwwwwwc"),
        ];
        for (text, seen) in table {
            assert_eq!(read_whole(&text), seen, "{text:.40}");
        }
    }

    #[test]
    fn what_is_not_reported_is_counted() {
        let mut lines = ControlLines::default();
        read(&mut lines, ["no\n".repeat(30_000).as_bytes()]);
        assert_eq!(lines.unreported(), 29_990);
    }

    #[test]
    fn an_endless_line_takes_no_more_room() {
        let mut lines = ControlLines::default();
        for _ in 0..100 {
            lines.push(&[0; 16 * 1024]);
            while lines.next().is_some() {}
        }
        assert!(lines.received.capacity() < 4 * MAX_CONTROL_LINE_BYTES);
        lines.push(format!("\n{CANCEL}\n").as_bytes());
        assert!(matches!(lines.next(), Some(Ok(_))));
    }

    proptest! {
        #[test]
        fn any_cutting_is_read_as_the_whole(
            parts in prop::collection::vec(prop::sample::select(&[CANCEL, FORCE, "no", " ", ""][..]), 0..30),
            size in 1..40usize,
        ) {
            let text = parts.join("\n");
            let cut = read(&mut ControlLines::default(), text.as_bytes().chunks(size));
            prop_assert_eq!(cut, read_whole(&text));
        }
    }
}
