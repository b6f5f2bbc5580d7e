//! Splits a stream of bytes into lines of bounded length.

use crate::client::ReadFault;

/// Bytes that wait for the end of their line.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Start of the next line; the bytes before it have been returned.
    start: usize,
    /// Bytes before this offset hold no newline.
    searched: usize,
    limit: usize,
}

impl Lines {
    /// `limit` is in bytes, the newline not counted.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            searched: 0,
            limit,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next line without its newline.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, ReadFault> {
        let newline = memchr::memchr(b'\n', &self.bytes[self.searched..])
            .map(|offset| self.searched + offset);
        let end = newline.unwrap_or(self.bytes.len());
        if end - self.start > self.limit {
            return Err(ReadFault::LineTooLong { limit: self.limit });
        }
        let line = self.start..end;
        self.searched = end;
        if newline.is_none() {
            return Ok(None);
        }
        self.searched += 1;
        self.start = self.searched;
        Ok(Some(&self.bytes[line]))
    }

    /// Returns the bytes after the last newline, at the end of the stream.
    pub(crate) fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes.split_off(self.start);
        self.bytes.clear();
        (self.start, self.searched) = (0, 0);
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_went_in() {
        let text = b"one\n\ntwo three\nrest";
        for size in 1..=text.len() {
            let mut lines = Lines::new(9);
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                lines.push(piece);
                while let Some(line) = lines.next().unwrap() {
                    out.push(line.to_vec());
                }
            }
            assert_eq!(out, [&b"one"[..], b"", b"two three"], "in pieces of {size}");
            assert_eq!(lines.rest().as_deref(), Some(&b"rest"[..]));
            assert_eq!(lines.rest(), None);
        }
    }

    #[test]
    fn a_line_over_the_bound_is_refused_before_its_end_is_there() {
        let mut lines = Lines::new(3);
        lines.push(b"abc\nabcd");
        assert_eq!(lines.next().unwrap(), Some(&b"abc"[..]));
        assert!(matches!(
            lines.next(),
            Err(ReadFault::LineTooLong { limit: 3 })
        ));
    }
}
