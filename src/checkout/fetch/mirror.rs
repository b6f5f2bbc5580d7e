//! Mirrors: fetched objects, kept for the next checkout of the same repository.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::checkout::CheckoutError;
use crate::checkout::staging::at;
use crate::process::remove_tree;

/// Pause between two attempts to take a lock that another process holds; the checkout's timeout limits them all.
const PAUSE: Duration = Duration::from_millis(20);
/// Contains the URL of a mirror. It is written last, so a mirror that has it is complete.
const MARK: &str = "iac-runner-mirror";

/// The one mirror of a URL, locked as long as this or a clone of its lock lives.
///
/// The kernel releases the lock however its holder dies. The next holder removes what a killed fetch left behind:
/// no other process can be using it.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) path: PathBuf,
    pub(crate) lock: Arc<File>,
    url: String,
}

impl Mirror {
    /// Waits until no other process uses the mirror.
    pub(crate) async fn lock(cache: &Path, url: &str) -> Result<Self, CheckoutError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(cache)
            .map_err(at(cache))?;
        let cache = cache.canonicalize().map_err(at(cache))?;
        let name = name_of(url);
        let lock_path = cache.join(format!("{name}.lock"));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(at(&lock_path))?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(fault)) => return Err(at(&lock_path)(fault)),
            }
        }
        Ok(Self {
            path: cache.join(format!("{name}.git")),
            lock: Arc::new(lock),
            url: url.to_owned(),
        })
    }

    /// Returns whether the mirror is complete, and belongs to this URL.
    pub(crate) fn is_made(&self) -> bool {
        fs::read_to_string(self.path.join(MARK)).is_ok_and(|url| url == self.url)
    }

    /// Removes the mirror's contents to make a new one.
    pub(crate) fn clear(&self) -> Result<(), CheckoutError> {
        match remove_tree(&self.path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(at(&self.path)(fault)),
            _ => fs::create_dir(&self.path).map_err(at(&self.path)),
        }
    }

    /// Returns a mirror to be made beside this one, under the same lock.
    pub(crate) fn next_to(&self) -> Self {
        Self {
            path: self.path.with_extension("new"),
            lock: Arc::clone(&self.lock),
            url: self.url.clone(),
        }
    }

    /// Replaces another mirror by this one.
    pub(crate) fn replace(&self, other: &Self) -> Result<(), CheckoutError> {
        other.clear()?;
        fs::rename(&self.path, &other.path).map_err(at(&other.path))
    }

    /// Removes the mirror from disk; a later mirror at this path removes what is left.
    pub(crate) fn discard(&self) {
        let _ = remove_tree(&self.path);
    }

    /// Marks the mirror as complete.
    pub(crate) fn mark(&self) -> Result<(), CheckoutError> {
        let path = self.path.join(MARK);
        let aside = self.path.join(format!("{MARK}.new"));
        fs::write(&aside, &self.url)
            .and_then(|()| fs::rename(&aside, &path))
            .map_err(at(&path))
    }

    /// Removes what a killed fetch has left: its locks, and incomplete packs.
    pub(crate) fn remove_leftovers(&self) {
        for (folder, is_left) in [
            ("", is_lock as fn(&str) -> bool),
            ("refs/checkout/commits", is_lock),
            ("objects/pack", is_partial),
        ] {
            let Ok(entries) = fs::read_dir(self.path.join(folder)) else {
                continue;
            };
            for entry in entries.flatten() {
                if entry.file_name().to_str().is_some_and(is_left) {
                    // A file that cannot be removed makes the fetch fail, and then the mirror is made anew.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock")
}

fn is_partial(name: &str) -> bool {
    name.starts_with("tmp_")
}

/// Returns a name for a URL that is the same in every version: FNV-1a with 128 bits.
///
/// The mark in the mirror contains the URL itself, so a collision of names only costs a fetch.
fn name_of(url: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = url.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of the FNV authors.
        assert_eq!(name_of(""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(name_of("a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
