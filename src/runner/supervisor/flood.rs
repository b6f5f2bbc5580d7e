//! Detects output that comes faster than it can be masked, and decides how much of it to skip before it fills the
//! memory.

use std::sync::OnceLock;

use memchr::memchr;

use crate::process::memory_limit;

/// Output up to this size may always wait in memory.
const SMALL_BACKLOG_BYTES: u64 = 64 * 1024 * 1024;
/// Divisor of the memory: output beyond this part is skipped.
const BACKLOG_PART: u64 = 3;

/// The skipped output.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// Bytes skipped so far in the current part; `None` while output is shown.
    current: Option<u64>,
    total_bytes: u64,
    memory_bytes: OnceLock<u64>,
}

impl Flood {
    /// Returns whether to skip the next piece, given the number of waiting bytes.
    pub(crate) fn takes(&self, backlog_bytes: u64) -> bool {
        self.current.is_some() || self.is_beyond(backlog_bytes, BACKLOG_PART)
    }

    /// Returns whether the waiting bytes exceed a part of the memory, such as a third.
    pub(crate) fn is_beyond(&self, backlog_bytes: u64, part: u64) -> bool {
        backlog_bytes > SMALL_BACKLOG_BYTES
            && backlog_bytes > self.memory_bytes.get_or_init(memory_limit) / part
    }

    /// Returns whether nothing of this part was skipped yet.
    pub(crate) const fn is_at_start(&self) -> bool {
        self.current.is_none()
    }

    /// Skips a piece; `backlog_bytes` wait behind it. If that is little, the part ends at a line end, since a
    /// truncated secret is not found; then this returns the text after that line end.
    pub(crate) fn pass_over<'a>(
        &mut self,
        piece: &'a [u8],
        backlog_bytes: u64,
    ) -> Option<&'a [u8]> {
        let end = memchr(b'\n', piece).filter(|_| backlog_bytes <= SMALL_BACKLOG_BYTES / 2);
        let len = end.map_or(piece.len(), |end| end + 1);
        *self.current.get_or_insert(0) += len as u64;
        end.map(|_| &piece[len..])
    }

    /// Skips the rest.
    pub(crate) fn pass_over_rest(&mut self, bytes: u64) {
        *self.current.get_or_insert(0) += bytes;
    }

    /// Ends the part that is being skipped; returns the line that reports it, if there was one.
    pub(crate) fn end(&mut self) -> Option<String> {
        let bytes = self.current.take()?;
        self.total_bytes += bytes;
        Some(format!(
            "\n[... {bytes} bytes passed over: they came faster than they could be masked ...]\n"
        ))
    }

    /// Returns a sentence about everything that was skipped; `None` if nothing was.
    pub(crate) fn sentence(&self) -> Option<String> {
        (self.total_bytes > 0).then(|| {
            format!(
                "the tool printed faster than its output could be masked: {} bytes were passed over, so as not to fill the \
                 memory or to hold up a stop, and are in no record; send such output to a file",
                self.total_bytes
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_limit(bytes: u64) -> Flood {
        Flood {
            memory_bytes: OnceLock::from(bytes * BACKLOG_PART),
            ..Flood::default()
        }
    }

    #[test]
    fn only_what_would_fill_the_memory_is_passed_over() {
        let table = [
            (0, 0, false),
            (0, SMALL_BACKLOG_BYTES, false),
            (0, SMALL_BACKLOG_BYTES + 1, true),
            (2 * SMALL_BACKLOG_BYTES, SMALL_BACKLOG_BYTES + 1, false),
            (2 * SMALL_BACKLOG_BYTES, 2 * SMALL_BACKLOG_BYTES + 1, true),
        ];
        for (limit, backlog, takes) in table {
            assert_eq!(
                of_limit(limit).takes(backlog),
                takes,
                "{backlog} of {limit}"
            );
        }
    }

    #[test]
    fn a_part_ends_with_a_line_when_little_waits() {
        let mut flood = of_limit(0);
        assert!(flood.is_at_start());
        assert_eq!(flood.pass_over(b"a\nb", SMALL_BACKLOG_BYTES), None);
        assert!(flood.takes(0) && !flood.is_at_start());
        assert_eq!(flood.pass_over(b"cd", 0), None);
        assert_eq!(flood.pass_over(b"ef\ngh", 0), Some(&b"gh"[..]));
        assert!(flood.end().unwrap().contains(" 8 bytes passed over"));
        assert!(!flood.takes(0));
        assert_eq!(flood.end(), None);
        assert!(flood.sentence().unwrap().contains(" 8 bytes "));
        assert_eq!(Flood::default().sentence(), None);
    }
}
