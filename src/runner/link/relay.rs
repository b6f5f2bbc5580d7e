//! The data that the supervisor provides for the front's stdout, in a file that both hold open.
//!
//! The front copies it as fast as its reader accepts it, and the supervisor never waits for that. The file begins
//! with the length of the complete text, so that the front never copies half a document from a supervisor that was
//! killed while writing. A second mark says whether a tool may have been started, so that after the loss of a
//! supervisor the front can tell that nothing ran.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nix::fcntl::{FallocateFlags, fallocate};

/// Offset of the end mark, after the length of the text.
const END_AT: u64 = 8;
/// Offset of the mark that a tool may have been started.
const MAY_RUN_AT: u64 = 16;
/// Offset of the text.
const TEXT_AT: u64 = 24;
/// Size of the pieces in which the rest of a line is read.
const PIECE_BYTES: usize = 4096;
/// How much is copied before the space is freed.
const PUNCH_BYTES: u64 = 1024 * 1024;

/// The supervisor's end.
#[derive(Debug)]
pub(crate) struct RelayWriter {
    file: File,
    written: u64,
    committed: u64,
    /// Largest size of a file here.
    limit: u64,
}

impl RelayWriter {
    /// Takes an empty file, and how large it may become if there is a limit.
    pub(crate) fn new(file: File, limit: Option<u64>) -> Self {
        Self {
            file,
            written: 0,
            committed: 0,
            limit: limit.unwrap_or(u64::MAX),
        }
    }

    /// Returns whether there is room for more text before the last half of a limited file, which is for the result.
    pub(crate) const fn has_room_for(&self, len: usize) -> bool {
        self.written.saturating_add(len as u64) <= self.limit / 2
    }

    /// Drops what was written since the last commit.
    pub(crate) const fn roll_back(&mut self) {
        self.written = self.committed;
    }

    /// Makes what has been written so far visible to the front.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.written.to_le_bytes(), 0)?;
        self.committed = self.written;
        Ok(())
    }

    /// Records that the tool may run from here on.
    pub(crate) fn tool_may_run(&self) -> io::Result<()> {
        self.file.write_all_at(&1u64.to_le_bytes(), MAY_RUN_AT)
    }

    /// Records that everything is written, and the exit status of the runner.
    pub(crate) fn finish(&mut self, exit_status: u8) -> io::Result<()> {
        self.commit()?;
        self.file
            .write_all_at(&(u64::from(exit_status) + 1).to_le_bytes(), END_AT)
    }
}

impl Write for RelayWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write_at(bytes, TEXT_AT + self.written)?;
        self.written += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The front's end.
#[derive(Debug)]
pub(crate) struct RelayReader {
    file: Arc<File>,
    read: u64,
    punched: u64,
}

impl RelayReader {
    pub(crate) const fn new(file: Arc<File>) -> Self {
        Self {
            file,
            read: 0,
            punched: 0,
        }
    }

    /// Reads more of the complete text; returns 0 if there is none yet.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let whole = self.number_at(0)?;
        let left = usize::try_from(whole.saturating_sub(self.read)).unwrap_or(usize::MAX);
        let len = into.len().min(left);
        self.file
            .read_exact_at(&mut into[..len], TEXT_AT + self.read)?;
        self.read += len as u64;
        if self.read - self.punched >= PUNCH_BYTES {
            self.punch();
        }
        Ok(len)
    }

    /// Returns the exit status that the supervisor left, if it finished.
    pub(crate) fn exit_status(&self) -> Option<u8> {
        let mark = self.number_at(END_AT).ok()?;
        u8::try_from(mark.checked_sub(1)?).ok()
    }

    /// Returns whether a tool may have been started; `true` if that cannot be read.
    pub(crate) fn tool_may_run(&self) -> bool {
        self.number_at(MAY_RUN_AT).map_or(true, |mark| mark != 0)
    }

    /// Returns the rest of the line that contains a position of the text; empty between two lines.
    pub(crate) fn rest_of_line(&self, position: u64) -> io::Result<Vec<u8>> {
        let whole = self.number_at(0)?;
        let mut rest = Vec::new();
        if position == 0 || self.piece(position - 1, 1)? == b"\n" {
            return Ok(rest);
        }
        while position + (rest.len() as u64) < whole {
            let at = position + rest.len() as u64;
            let left = usize::try_from(whole - at).unwrap_or(usize::MAX);
            let piece = self.piece(at, left.min(PIECE_BYTES))?;
            match memchr::memchr(b'\n', &piece) {
                Some(end) => {
                    rest.extend_from_slice(&piece[..=end]);
                    break;
                }
                None => rest.extend_from_slice(&piece),
            }
        }
        Ok(rest)
    }

    /// Returns the exit status that the supervisor left, if a position is the end of everything it wrote.
    pub(crate) fn ends_at(&self, position: u64) -> Option<u8> {
        (self.number_at(0).ok()? == position)
            .then(|| self.exit_status())
            .flatten()
    }

    fn piece(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; len];
        self.file.read_exact_at(&mut piece, TEXT_AT + at)?;
        Ok(piece)
    }

    fn number_at(&self, at: u64) -> io::Result<u64> {
        let mut number = [0; 8];
        match self.file.read_exact_at(&mut number, at) {
            Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            answer => answer.map(|()| u64::from_le_bytes(number)),
        }
    }

    fn punch(&mut self) {
        let (from, len) = (TEXT_AT + self.punched, self.read - self.punched);
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        // Without holes the space is kept until the file is closed; nothing else is affected.
        let _ = fallocate(&*self.file, flags, from.cast_signed(), len.cast_signed());
        self.punched = self.read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_committed_can_be_read() {
        let file = tempfile::tempfile().unwrap();
        let mut writer = RelayWriter::new(file.try_clone().unwrap(), None);
        let mut reader = RelayReader::new(Arc::new(file));
        assert!(!reader.tool_may_run());
        let mut text = [0; 16];
        assert_eq!(reader.read(&mut text).unwrap(), 0);
        writer.write_all(b"half").unwrap();
        assert_eq!(reader.read(&mut text).unwrap(), 0);
        writer.write_all(b" and a part").unwrap();
        writer.roll_back();
        writer.write_all(b"half and half").unwrap();
        writer.commit().unwrap();
        assert_eq!(reader.read(&mut text[..5]).unwrap(), 5);
        assert_eq!(reader.read(&mut text[5..]).unwrap(), 8);
        assert_eq!(&text[..13], b"half and half");
        assert_eq!(reader.exit_status(), None);
        writer.tool_may_run().unwrap();
        assert!(reader.tool_may_run());
        writer.finish(0).unwrap();
        assert_eq!(reader.exit_status(), Some(0));
    }
}
