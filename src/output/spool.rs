//! The tool's raw output: a file without a directory entry that is emptied as it is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::{Whence, lseek};

use crate::process::{FileWatch, Urgency, forbid_cutting, memory_file, reopen_for_append};

/// Bytes that are read before their space is freed.
const PUNCH_BYTES: u64 = 1024 * 1024;

/// The file that the tool writes to.
///
/// It is not a pipe: when the reader of a pipe dies, the tool dies at its next write and loses its state. Holes are
/// punched where data was read, so that the file contains no secrets afterwards and uses no more memory than the
/// unread data needs.
#[derive(Debug)]
pub struct Spool {
    file: File,
    watch: FileWatch,
    read: u64,
    punched: u64,
}

impl Spool {
    /// Creates an empty spool.
    ///
    /// # Errors
    /// Neither memory nor the temporary directory has room for a file.
    pub fn create() -> io::Result<Self> {
        let file = memory_file("spool")?;
        forbid_cutting(&file);
        let watch = FileWatch::of(&file);
        Ok(Self {
            file,
            watch,
            read: 0,
            punched: 0,
        })
    }

    /// Returns the file for the tool to write to.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn writer(&self) -> io::Result<File> {
        reopen_for_append(&self.file)
    }

    /// Returns when there may be data to read. Cancel safe.
    pub async fn changed(&self, urgency: Urgency) {
        self.watch.changed(urgency).await;
    }

    /// Returns the number of unread bytes; 0 if it cannot be determined.
    pub fn backlog_bytes(&self) -> u64 {
        let len = self.file.metadata().map_or(0, |found| found.len());
        len.saturating_sub(self.read)
    }

    /// Reads the next bytes; returns 0 if there are none yet.
    ///
    /// # Errors
    /// The error of the read.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut len = self.file.read_at(into, self.read)?;
        while len > 0 && into[..len].iter().all(|&byte| byte == 0) && self.pass_over_hole()? {
            len = self.file.read_at(into, self.read)?;
        }
        self.read += len as u64;
        if self.read - self.punched >= PUNCH_BYTES || (len == 0 && self.read > self.punched) {
            self.punch();
        }
        Ok(len)
    }

    /// Shows at most `limit` unread bytes, and leaves them unread.
    ///
    /// # Errors
    /// The error of the read.
    pub fn peek(&self, limit: u64, mut show: impl FnMut(&[u8])) -> io::Result<()> {
        let mut piece = vec![0; 64 * 1024];
        let end = self.read.saturating_add(limit);
        let mut at = self.read;
        while at < end {
            let len = self.file.read_at(&mut piece, at)?;
            if len == 0 {
                break;
            }
            show(&piece[..len]);
            at += len as u64;
        }
        Ok(())
    }

    /// Skips a hole, if one is next: a process has extended the file, and nothing was printed there.
    fn pass_over_hole(&mut self) -> io::Result<bool> {
        // Before the search for data: output printed meanwhile comes after this offset.
        let len = self.file.metadata()?.len();
        let data = match lseek(&self.file, self.read.cast_signed(), Whence::SeekData) {
            Ok(data) => data.cast_unsigned(),
            Err(Errno::ENXIO) => len,
            // The file system does not report holes: they are read as zeros.
            Err(_) => return Ok(false),
        };
        let is_hole = data > self.read;
        self.read = self.read.max(data);
        Ok(is_hole)
    }

    /// Frees the space of the data that was read.
    fn punch(&mut self) {
        let (from, len) = (
            self.punched.cast_signed(),
            (self.read - self.punched).cast_signed(),
        );
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        // A file system without holes keeps the space until the file is closed; nothing else is affected.
        let _ = fallocate(&self.file, flags, from, len);
        self.punched = self.read;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_hole_is_passed_over_and_zeros_that_are_written_are_not() {
        let mut spool = Spool::create().unwrap();
        let mut writer = spool.writer().unwrap();
        let mut piece = [1; 16];
        writer.write_all(b"ab\0").unwrap();
        assert_eq!(spool.read(&mut piece).unwrap(), 3);
        writer.write_all(&[0; 8]).unwrap();
        assert_eq!(spool.read(&mut piece).unwrap(), 8);
        spool.file.set_len(1 << 40).unwrap();
        while spool.read(&mut piece).unwrap() > 0 {}
        assert_eq!(spool.backlog_bytes(), 0);
        writer.write_all(b"behind").unwrap();
        assert_eq!(spool.read(&mut piece).unwrap(), 6);
        assert_eq!(&piece[..6], b"behind");
    }
}
