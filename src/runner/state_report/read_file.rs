//! Reads files that a run may have replaced by something else.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use crate::regular_file;

/// Most bytes of one file that are read: relevant files are a few hundred bytes long.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Opens a regular file, also through a link: reading from a pipe or a device would block.
pub(super) fn open(path: &Path) -> Option<File> {
    regular_file::open_target(path).ok()
}

/// Reads a regular file as text; returns `None` if it can't be read or is larger than [`MAX_FILE_BYTES`].
pub(super) fn read(path: &Path) -> Option<String> {
    let mut content = String::new();
    let size = open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut content)
        .ok()?;
    (size as u64 <= MAX_FILE_BYTES).then_some(content)
}

/// Returns whether nothing exists at a path; follows links.
pub(super) fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound)
}

/// Returns whether a file is a complete JSON document.
pub(super) fn is_whole_document(path: &Path) -> bool {
    open(path).is_some_and(|file| {
        serde_json::from_reader::<_, serde::de::IgnoredAny>(BufReader::new(file)).is_ok()
    })
}
