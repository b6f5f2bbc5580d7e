//! Keeps head and tail of the output, outside the process's own memory.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Offset of the text in the file. The total length so far and the limit come before it, eight bytes each, so that
/// a front can report on a run whose supervisor is gone.
const TEXT_AT: u64 = 16;
/// Most bytes by which a cut is moved to a line boundary.
const MAX_CUT_SHIFT: u64 = 4 * 1024;
/// Size of the pieces in which the text is read.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of the longest character in UTF-8.
const MAX_CHAR_BYTES: usize = 4;
/// Room for the line between head and tail.
const GAP_LINE_BYTES: u64 = 64;

/// Keeps the head and the tail of a text; together with the line between them they have at most a given number of
/// bytes.
///
/// That line is always written, also for small numbers, so that a truncated text is not mistaken for a short one.
/// Below 64 only the line is written.
///
/// Stored in a file without a directory entry. The head is at its start, followed by the tail as a ring buffer.
#[derive(Debug, Clone)]
pub struct Capture {
    file: Arc<File>,
    layout: Layout,
    head: u64,
    tail: u64,
    total: u64,
}

/// How a text is stored in a file.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Head and ring buffer, after the lengths.
    Capture,
    /// As a whole, from the first byte to the last.
    Log,
}

impl Capture {
    /// Starts an empty capture in an empty file.
    pub fn new(file: File, limit_bytes: u64) -> Self {
        Self::with_layout(file, Layout::Capture, limit_bytes)
    }

    fn with_layout(file: File, layout: Layout, limit_bytes: u64) -> Self {
        let head = limit_bytes.saturating_sub(GAP_LINE_BYTES) / 2;
        Self {
            file: Arc::new(file),
            layout,
            head,
            tail: limit_bytes - head,
            total: 0,
        }
    }

    /// Returns what a capture with this limit would have kept of a text that a file contains as a whole.
    ///
    /// # Errors
    /// The size of the file cannot be read.
    pub fn of_log(log: File, limit_bytes: u64) -> io::Result<Self> {
        let mut this = Self::with_layout(log, Layout::Log, limit_bytes);
        this.total = this.file.metadata()?.len();
        Ok(this)
    }

    /// Opens a capture that another process has written.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reopen(file: File) -> io::Result<Self> {
        let (mut total, mut limit) = ([0; 8], [0; 8]);
        if file.metadata()?.len() >= TEXT_AT {
            file.read_exact_at(&mut total, 0)?;
            file.read_exact_at(&mut limit, 8)?;
        }
        let mut this = Self::new(file, u64::from_le_bytes(limit));
        this.total = u64::from_le_bytes(total);
        Ok(this)
    }

    /// Appends text.
    ///
    /// # Errors
    /// The system has no memory left for the file.
    pub fn push(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let (at, room) = self.place(self.total);
            let len = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (piece, rest) = bytes.split_at(len);
            if let Some(at) = at {
                self.file.write_all_at(piece, at)?;
            }
            self.total += len as u64;
            bytes = rest;
        }
        let mut header = [0; TEXT_AT as usize];
        header[..8].copy_from_slice(&self.total.to_le_bytes());
        header[8..].copy_from_slice(&(self.head + self.tail).to_le_bytes());
        self.file.write_all_at(&header, 0)
    }

    /// Returns where in the file a byte of the text is stored, and how many contiguous bytes follow it.
    fn place(&self, position: u64) -> (Option<u64>, u64) {
        if matches!(self.layout, Layout::Log) {
            (Some(position), u64::MAX - position)
        } else if position < self.head {
            (Some(TEXT_AT + position), self.head - position)
        } else if self.tail == 0 {
            (None, u64::MAX)
        } else {
            let turn = (position - self.head) % self.tail;
            (Some(TEXT_AT + self.head + turn), self.tail - turn)
        }
    }

    /// Returns the size of the whole text in bytes.
    pub const fn total_bytes(&self) -> u64 {
        self.total
    }

    /// Returns the text that was kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn captured(&self) -> io::Result<Captured> {
        if self.total <= self.head + self.tail {
            return Ok(self.cut_at(self.total, self.total));
        }
        let head_end = self.cut_back(self.head)?;
        // The line about omitted text takes its space from the tail.
        let tail_start =
            self.cut_forward((self.total - self.tail + GAP_LINE_BYTES).min(self.total))?;
        Ok(self.cut_at(head_end, tail_start))
    }

    /// Returns the text between two positions, as far as it was kept.
    pub fn excerpt(&self, from: u64, to: u64) -> Excerpt {
        let to = to.min(self.total);
        Excerpt {
            of: self.clone(),
            from: from.min(to),
            to,
        }
    }

    /// Returns the text without the part between two positions.
    pub fn cut_at(&self, head_end: u64, tail_start: u64) -> Captured {
        Captured {
            of: self.clone(),
            head_end,
            tail_start,
        }
    }

    fn read_exact_at(&self, into: &mut [u8], position: u64) -> io::Result<()> {
        let mut done = 0;
        while done < into.len() {
            let (at, room) = self.place(position + done as u64);
            let len = (into.len() - done).min(usize::try_from(room).unwrap_or(usize::MAX));
            let at = at.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.file.read_exact_at(&mut into[done..done + len], at)?;
            done += len;
        }
        Ok(())
    }

    /// Returns the last end of a line, or else of a character, at or before a position in the head.
    fn cut_back(&self, position: u64) -> io::Result<u64> {
        let from = position.saturating_sub(MAX_CUT_SHIFT);
        let window = self.window(from, position)?;
        let cut = match window.iter().rposition(|&byte| byte == b'\n') {
            Some(newline) => newline + 1,
            None => last_char_start(&window),
        };
        Ok(from + cut as u64)
    }

    /// Returns the first start of a line, or else of a character, at or after a position in the tail.
    fn cut_forward(&self, position: u64) -> io::Result<u64> {
        let window = self.window(position, (position + MAX_CUT_SHIFT).min(self.total))?;
        let cut = match window.iter().position(|&byte| byte == b'\n') {
            Some(newline) if newline + 1 < window.len() => newline + 1,
            _ => window
                .iter()
                .position(|&byte| is_char_start(byte))
                .unwrap_or(window.len()),
        };
        Ok(position + cut as u64)
    }

    /// Returns whether a line ends at a position.
    fn ends_a_line(&self, position: u64) -> io::Result<bool> {
        Ok(self.window(position - 1, position)?.ends_with(b"\n"))
    }

    /// Writes the text between two positions, piece by piece.
    fn write_range(&self, range: (u64, u64), to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut held = 0;
        let mut at = range.0;
        while at < range.1 {
            let len = (PIECE_BYTES - held).min(usize::try_from(range.1 - at).unwrap_or(usize::MAX));
            let piece = &mut buffer[held..held + len];
            self.read_exact_at(piece, at).map_err(|_| fmt::Error)?;
            at += len as u64;
            let filled = held + len;
            // The text is UTF-8 as a whole; a piece may end within a character.
            let end = if at < range.1 {
                last_char_start(&buffer[..filled])
            } else {
                filled
            };
            to.write_str(&String::from_utf8_lossy(&buffer[..end]))?;
            buffer.copy_within(end..filled, 0);
            held = filled - end;
        }
        Ok(())
    }

    fn window(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut window = vec![0; usize::try_from(to - from).unwrap_or(0)];
        self.read_exact_at(&mut window, from)?;
        Ok(window)
    }
}

/// Returns whether a byte of UTF-8 is the first of a character.
const fn is_char_start(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

/// Returns where an incomplete last character of a text starts; the end of the text if it is complete.
fn last_char_start(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Ok(_) => text.len(),
        // The start may be within a character too: only an incomplete end counts.
        Err(_) => {
            let from = text.len().saturating_sub(MAX_CHAR_BYTES);
            let start = text[from..].iter().rposition(|&byte| is_char_start(byte));
            start.map_or(text.len(), |start| from + start)
        }
    }
}

/// The text that a capture has kept, written piece by piece.
#[derive(Debug, Clone)]
pub struct Captured {
    of: Capture,
    head_end: u64,
    tail_start: u64,
}

impl Captured {
    /// Returns whether text was omitted.
    pub const fn is_cut(&self) -> bool {
        self.head_end < self.tail_start
    }

    /// Returns the size of the whole text in bytes.
    pub const fn total_bytes(&self) -> u64 {
        self.of.total
    }

    /// Returns where the head ends and the tail starts.
    pub const fn cut(&self) -> (u64, u64) {
        (self.head_end, self.tail_start)
    }
}

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.write_range((0, self.head_end), f)?;
        if self.is_cut() {
            let left_out = self.tail_start - self.head_end;
            if self.head_end > 0 && !self.of.ends_a_line(self.head_end).map_err(|_| fmt::Error)? {
                writeln!(f)?;
            }
            writeln!(f, "[... {left_out} bytes left out ...]")?;
            self.of.write_range((self.tail_start, self.of.total), f)?;
        }
        Ok(())
    }
}

impl Serialize for Captured {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A part of a text, written piece by piece.
#[derive(Debug, Clone)]
pub struct Excerpt {
    of: Capture,
    from: u64,
    to: u64,
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.write_range((self.from, self.to), f)
    }
}

impl Serialize for Excerpt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(text: &str, limit: u64, piece: usize) -> String {
        let mut capture = Capture::new(tempfile::tempfile().unwrap(), limit);
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(piece) {
            capture.push(&piece.iter().collect::<String>()).unwrap();
        }
        assert_eq!(capture.total_bytes(), text.len() as u64);
        let reopened = Capture::reopen(capture.file.try_clone().unwrap()).unwrap();
        let shown = capture.captured().unwrap().to_string();
        assert_eq!(reopened.captured().unwrap().to_string(), shown);
        shown
    }

    #[test]
    fn what_fits_is_not_cut() {
        let text = "one line\n".repeat(30);
        for piece in [1, 7, 1000] {
            assert_eq!(captured(&text, text.len() as u64, piece), text);
        }
    }

    #[test]
    fn a_log_is_cut_as_its_capture_was() {
        let texts = [
            (1..100).map(|n| format!("line {n}\n")).collect::<String>(),
            "é€😀".repeat(60),
        ];
        for text in &texts {
            for limit in [0, 63, 64, 100, 199, 400, 10_000] {
                let mut log = tempfile::tempfile().unwrap();
                io::Write::write_all(&mut log, text.as_bytes()).unwrap();
                let log = Capture::of_log(log, limit).unwrap();
                let shown = log.captured().unwrap().to_string();
                assert_eq!(shown, captured(text, limit, 7), "{limit}");
                assert_eq!(log.excerpt(0, u64::MAX).to_string(), *text);
                assert_eq!(log.excerpt(14, 18).to_string(), text[14..18]);
            }
        }
    }

    #[test]
    fn a_log_that_is_no_text_is_shown_to_its_end() {
        for byte in [0x80, 0xff] {
            let mut log = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut log, &vec![byte; 3 * PIECE_BYTES]).unwrap();
            let shown = Capture::of_log(log, 1000).unwrap().captured().unwrap();
            assert!(shown.to_string().contains(" bytes left out "));
        }
    }

    #[test]
    fn without_room_only_the_omission_line_is_kept() {
        let text = "line\n".repeat(40);
        for limit in [0, 1, 10, 63] {
            assert_eq!(captured(&text, limit, 7), "[... 200 bytes left out ...]\n");
        }
        assert_eq!(captured("", 0, 1), "");
        assert_eq!(captured("short\n", 6, 1), "short\n");
    }

    #[test]
    fn head_and_tail_stay_with_one_line_between_them() {
        let texts = [
            (1..100).map(|n| format!("line {n}\n")).collect::<String>(),
            "no line ends here ".repeat(40),
            "é€😀".repeat(60),
        ];
        for text in &texts {
            for limit in 0..text.len() as u64 {
                let shown = captured(text, limit, 5);
                let gap = shown.find("[... ").unwrap();
                let (head, rest) = shown.split_at(gap);
                let (gap, tail) = rest.split_once(" bytes left out ...]\n").unwrap();
                let left_out: usize = gap["[... ".len()..].parse().unwrap();
                // A head that ends within a line gets an additional line end.
                let ended = head.strip_suffix('\n').unwrap_or(head);
                assert!(text.starts_with(ended), "{limit}: {shown}");
                assert!(text.ends_with(tail), "{limit}: {shown}");
                let kept = text.len() - left_out - tail.len();
                assert!(
                    kept == head.len() || kept == ended.len(),
                    "{limit}: {shown}"
                );
                assert!(
                    shown.len() as u64 <= limit.max(GAP_LINE_BYTES),
                    "{limit}: {shown}"
                );
            }
        }
    }
}
