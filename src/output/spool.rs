//! The tool's raw output: a file that is in no directory and empties itself as it is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::{Whence, lseek};

use crate::process::{FileWatch, Urgency, forbid_cutting, memory_file, reopen_for_append};

/// How much is read before the space is given back.
const PUNCH_BYTES: u64 = 1024 * 1024;

/// Where the tool writes to.
///
/// Not a pipe: when the reader of a pipe dies, the tool dies with it at its next write, without its
/// state. What has been read is punched out, so that the file holds no secret afterwards and no more
/// memory than what is still to be read.
#[derive(Debug)]
pub struct Spool {
    file: File,
    watch: FileWatch,
    read: u64,
    punched: u64,
}

impl Spool {
    /// Makes an empty spool.
    ///
    /// # Errors
    /// When neither memory nor the temporary directory has room for a file.
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

    /// The end that the tool writes to.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn writer(&self) -> io::Result<File> {
        reopen_for_append(&self.file)
    }

    /// Returns when there may be something to read. May be dropped and called again.
    pub async fn changed(&self, urgency: Urgency) {
        self.watch.changed(urgency).await;
    }

    /// How much is there that was not read yet; 0 when that cannot be told.
    pub fn backlog_bytes(&self) -> u64 {
        let len = self.file.metadata().map_or(0, |found| found.len());
        len.saturating_sub(self.read)
    }

    /// Reads on; 0 when nothing is there for now.
    ///
    /// # Errors
    /// What the read failed with.
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

    /// Shows what is written and not yet read, at most `limit` bytes of it, and leaves it unread.
    ///
    /// # Errors
    /// What the read failed with.
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

    /// Passes over a hole, if one is next: a process has lengthened the file, and nothing was printed there.
    fn pass_over_hole(&mut self) -> io::Result<bool> {
        // Before the look for data: what is printed meanwhile is behind this.
        let len = self.file.metadata()?.len();
        let data = match lseek(&self.file, self.read.cast_signed(), Whence::SeekData) {
            Ok(data) => data.cast_unsigned(),
            Err(Errno::ENXIO) => len,
            // A file system that does not tell of holes: they are read as what they look like.
            Err(_) => return Ok(false),
        };
        let is_hole = data > self.read;
        self.read = self.read.max(data);
        Ok(is_hole)
    }

    /// Gives back the space of what has been read.
    fn punch(&mut self) {
        let (from, len) = (
            self.punched.cast_signed(),
            (self.read - self.punched).cast_signed(),
        );
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        // A file system without holes keeps the space until the file is closed; nothing else is lost.
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
