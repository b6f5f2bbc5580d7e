//! Finds the tool's message that it has received a signal in its output.

use memchr::{memchr, memmem, memrchr};
use serde::Deserialize;
use std::borrow::Cow;

/// The beginning of what both tools print at their first signal, as text:
///
/// ```text
/// Interrupt received.
/// Please wait for OpenTofu to exit or data loss may occur.
/// ```
///
/// and with `-json`, in one line:
///
/// ```text
/// {"@level":"info","@message":"\nInterrupt received.\nPlease wait …","@module":"tofu.ui",…,"type":"log"}
/// ```
const NOTICE: &str = "Interrupt received.";
/// Longest line that can contain the notice; those of the tools have less than 300 bytes.
const LINE_BYTES: usize = 4096;

/// Searches for the notice in a stream that arrives in pieces, and remembers it.
///
/// Requires the output as the tool wrote it, before masking. Output of a provisioner does not count: as text it
/// follows the address of its resource, with `-json` it is in a message of another type.
#[derive(Debug, Clone, Default)]
pub(crate) struct InterruptNotice {
    is_seen: bool,
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
}

impl InterruptNotice {
    /// Returns whether the tool has reported that it received a signal.
    pub(crate) const fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Processes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.is_seen {
            return;
        }
        let mut rest = piece;
        if !self.line.is_empty() {
            let end = memchr(b'\n', rest);
            self.carry(&rest[..end.unwrap_or(rest.len())]);
            self.is_seen = is_notice(&self.line);
            let Some(end) = end else {
                return;
            };
            self.line.clear();
            rest = &rest[end + 1..];
        }
        let unfinished = memrchr(b'\n', rest).map_or(0, |end| end + 1);
        self.is_seen |= any_line_is_notice(&rest[..unfinished]);
        self.carry(&rest[unfinished..]);
        self.is_seen |= is_notice(&self.line);
    }

    fn carry(&mut self, part: &[u8]) {
        let room = LINE_BYTES.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }
}

fn any_line_is_notice(mut lines: &[u8]) -> bool {
    while let Some(at) = memmem::find(lines, NOTICE.as_bytes()) {
        let start = memrchr(b'\n', &lines[..at]).map_or(0, |end| end + 1);
        let end = memchr(b'\n', &lines[at..]).map_or(lines.len(), |end| at + end);
        if is_notice(&lines[start..end]) {
            return true;
        }
        lines = &lines[end..];
    }
    false
}

fn is_notice(line: &[u8]) -> bool {
    if line.len() > LINE_BYTES || memmem::find(line, NOTICE.as_bytes()).is_none() {
        return false;
    }
    if line.starts_with(b"{") {
        return is_json_notice(line);
    }
    anstream::adapter::strip_bytes(line)
        .into_vec()
        .starts_with(NOTICE.as_bytes())
}

/// A line of `-json` output.
#[derive(Deserialize)]
struct JsonLine<'a> {
    #[serde(rename = "@message", borrow)]
    message: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
}

fn is_json_notice(line: &[u8]) -> bool {
    serde_json::from_slice::<JsonLine<'_>>(line).is_ok_and(|message| {
        message.kind.as_deref().is_none_or(|kind| kind == "log")
            && message.message.trim_start().starts_with(NOTICE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As printed by terraform 1.11.4 and tofu 1.6.2.
    const TABLE: [(&str, bool); 13] = [
        (
            "\nInterrupt received.\nPlease wait for Terraform to exit or data loss may occur.\nGracefully shutting down...\n\n",
            true,
        ),
        (
            "\nInterrupt received.\nPlease wait for OpenTofu to exit or data loss may occur.\n",
            true,
        ),
        ("\u{1b}[31mInterrupt received.\u{1b}[0m\n", true),
        ("Interrupt received.", true),
        (
            r#"{"@level":"info","@message":"\nInterrupt received.\nPlease wait for Terraform to exit or data loss may occur.\nGracefully shutting down...\n","@module":"terraform.ui","@timestamp":"2026-11-26T14:43:31.040959Z","type":"log"}
"#,
            true,
        ),
        (
            r#"{"@level":"info","@message":"\nInterrupt received.\nPlease wait for OpenTofu to exit or data loss may occur.\nGracefully shutting down...\n","@module":"tofu.ui","@timestamp":"2026-11-26T14:43:33.036859Z","type":"log"}
"#,
            true,
        ),
        (
            r#"{ "type":"log", "@message":"Interrupt received." }
"#,
            true,
        ),
        (
            "terraform_data.a (local-exec): Interrupt received.\n",
            false,
        ),
        (
            "\u{1b}[0m\u{1b}[1mterraform_data.a (local-exec):\u{1b}[0m \u{1b}[0mInterrupt received.\n",
            false,
        ),
        (
            r#"{"@level":"info","@message":"terraform_data.a: (local-exec): Interrupt received.","@module":"terraform.ui","hook":{"provisioner":"local-exec","output":"Interrupt received."},"type":"provision_progress"}
"#,
            false,
        ),
        (
            r#"{"@level":"info","@message":"Interrupt received.","type":"provision_progress"}
"#,
            false,
        ),
        (
            r#"{"@level":"error","@message":"Error: local-exec provisioner error","diagnostic":{"detail":"Output: Interrupt received.\n"},"type":"diagnostic"}
"#,
            false,
        ),
        ("Apply complete! Resources: 4 added.\n", false),
    ];

    fn seen(pieces: &[&[u8]]) -> bool {
        let mut notice = InterruptNotice::default();
        for piece in pieces {
            notice.push(piece);
        }
        notice.is_seen()
    }

    #[test]
    fn only_the_tool_itself_says_that_it_is_interrupted() {
        let before = "terraform_data.a: Still creating... [10s elapsed]\n".repeat(3);
        for (text, wanted) in TABLE {
            let whole = format!("{before}{text}");
            assert_eq!(seen(&[whole.as_bytes()]), wanted, "{text}");
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(seen(&bytes), wanted, "byte by byte: {text}");
            for cut in 0..whole.len() {
                let (start, end) = whole.as_bytes().split_at(cut);
                assert_eq!(seen(&[start, end]), wanted, "cut at {cut}: {text}");
            }
        }
    }

    #[test]
    fn the_notice_is_remembered_however_much_follows() {
        let after = "a line that says nothing\n".repeat(20_000);
        for (text, _) in TABLE.iter().filter(|(_, wanted)| *wanted) {
            assert!(seen(&[text.as_bytes(), b"\n", after.as_bytes()]), "{text}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut notice = InterruptNotice::default();
        for _ in 0..100 {
            notice.push(&[b'x'; 1000]);
        }
        assert!(notice.line.len() <= LINE_BYTES);
        notice.push(b"Interrupt received.\n");
        assert!(!notice.is_seen());
        notice.push(b"Interrupt received.\n");
        assert!(notice.is_seen());
    }
}
