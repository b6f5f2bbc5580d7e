//! Detects whether a disk completes writes of any process.

use std::fs::{File, metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::sys::stat::{major, minor};

/// Longest `stat` file that is read; the kernel's has about 150 bytes.
const MAX_STAT_BYTES: usize = 1024;
/// Completed writes and flushes: fields of the kernel's `Documentation/block/stat.rst`, counted from 0.
const COUNTERS: [usize; 2] = [4, 15];

/// The counters of a block device.
#[derive(Debug)]
pub(super) struct DiskActivity {
    stat: File,
    sample: Option<[u64; 2]>,
}

impl DiskActivity {
    /// Finds the device of a directory, or of the existing parent in which it is to be created; `None` if the file
    /// system has no device of its own, such as an overlay or NFS.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = path.ancestors().find_map(|path| metadata(path).ok())?;
        let device = found.dev();
        let stat = format!("/sys/dev/block/{}:{}/stat", major(device), minor(device));
        Some(Self::in_file(File::open(stat).ok()?))
    }

    pub(super) const fn in_file(stat: File) -> Self {
        Self { stat, sample: None }
    }

    /// Takes a sample; returns whether anything was completed since the previous one.
    pub(super) fn has_moved(&mut self) -> bool {
        let sample = self.read();
        let before = std::mem::replace(&mut self.sample, sample);
        matches!((before, sample), (Some(before), Some(sample)) if before != sample)
    }

    fn read(&self) -> Option<[u64; 2]> {
        let mut bytes = [0; MAX_STAT_BYTES];
        let len = self.stat.read_at(&mut bytes, 0).ok()?;
        let text = std::str::from_utf8(&bytes[..len]).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        // Flushes are not counted before Linux 5.5.
        let counter = |index: usize| {
            fields
                .get(index)
                .map_or(Some(0), |field| field.parse().ok())
        };
        fields.get(COUNTERS[0])?;
        Some([counter(COUNTERS[0])?, counter(COUNTERS[1])?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_completed_writes_and_flushes_count() {
        let file = tempfile::tempfile().unwrap();
        let mut activity = DiskActivity::in_file(file.try_clone().unwrap());
        let table = [
            ("1 0 8 0 20 0 160 9 0 9 9 0 0 0 0 5 1", false),
            ("1 0 8 0 20 0 160 9 0 9 9 0 0 0 0 5 1", false),
            ("2 0 9 0 20 0 160 9 3 9 9 0 0 0 0 5 1", false),
            ("2 0 9 0 21 0 160 9 3 9 9 0 0 0 0 5 1", true),
            ("2 0 9 0 21 0 160 9 3 9 9 0 0 0 0 6 1", true),
            ("nothing to be read here, at all......", false),
            ("2 0 9 0 99 0 160 9 3 9 9            .", false),
        ];
        for (stat, has_moved) in table {
            file.write_all_at(stat.as_bytes(), 0).unwrap();
            assert_eq!(activity.has_moved(), has_moved, "{stat}");
        }
    }

    #[test]
    fn a_file_system_without_a_device_has_no_activity() {
        assert!(DiskActivity::of(Path::new("/proc/self/stat")).is_none());
        assert!(DiskActivity::of(Path::new("/proc/self/nowhere/at/all")).is_none());
        assert!(DiskActivity::of(Path::new("")).is_none());
    }
}
