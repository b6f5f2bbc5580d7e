//! Digests of files and of values.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::regular_file;

/// Bytes read at once while a file is hashed.
const PIECE_BYTES: usize = 128 * 1024;

/// Largest file that is hashed: a sparse one would otherwise be read for hours.
pub(super) const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// A hash over several parts. Each part has a length prefix, so bytes cannot move from one part to another.
#[derive(Default)]
pub(crate) struct Hash(Sha256);

impl Hash {
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// Adds the bytes of a regular file, or of the one that symbolic links lead to; fails with `Interrupted` once
    /// `is_stopped` returns `true`.
    pub(crate) fn add_file(
        &mut self,
        path: &Path,
        is_stopped: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let named = |fault: io::Error| named(path, &fault);
        let go_on = || match is_stopped() {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "it was stopped")),
            false => Ok(()),
        };
        go_on()?;
        let mut file = regular_file::open_target(path).map_err(named)?;
        if file.metadata().map_err(named)?.len() > MAX_FILE_BYTES {
            return Err(named(too_large(MAX_FILE_BYTES)));
        }
        let mut piece = vec![0; PIECE_BYTES];
        let mut total: u64 = 0;
        loop {
            let len = file.read(&mut piece).map_err(named)?;
            if len == 0 {
                break;
            }
            self.0.update(&piece[..len]);
            total += len as u64;
            if total > MAX_FILE_BYTES {
                return Err(named(too_large(MAX_FILE_BYTES)));
            }
            go_on()?;
        }
        self.0.update(total.to_be_bytes());
        Ok(())
    }

    /// Returns the digest as 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        use std::fmt::Write;
        self.0
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

/// Returns the digest of named values with a salt.
pub(crate) fn of_values<'a>(
    salt: &str,
    values: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut hash = Hash::default();
    hash.add(salt.as_bytes());
    for (name, value) in values {
        hash.add(name.as_bytes());
        hash.add(value.as_bytes());
    }
    hash.finish()
}

/// Returns the digest of a file's bytes; `None` if the file does not exist.
pub(crate) fn of_file(path: &Path, is_stopped: &dyn Fn() -> bool) -> io::Result<Option<String>> {
    let mut hash = Hash::default();
    match hash.add_file(path, is_stopped) {
        Ok(()) => Ok(Some(hash.finish())),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Returns the error about more bytes than are read.
pub(super) fn too_large(limit: u64) -> io::Error {
    let gibibytes = limit / (1024 * 1024 * 1024);
    io::Error::other(format!(
        "larger than {gibibytes} GiB, the most that an approval is bound to"
    ))
}

/// Adds the path to the error.
pub(crate) fn named(path: &Path, fault: &io::Error) -> io::Error {
    io::Error::new(fault.kind(), format!("`{}`: {fault}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_be_moved_between_names() {
        let salt = "salt";
        let of = |values: &[(&str, &str)]| of_values(salt, values.iter().copied());
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "1"), ("b", "")]), of(&[("a", "1")]));
        assert_ne!(
            of_values("other", [("a", "1")].into_iter()),
            of(&[("a", "1")])
        );
    }
}
