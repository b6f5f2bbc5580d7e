//! Shows that the disk of a record responds.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Shared by the reading thread and the thread that watches it.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    beats: AtomicU64,
    /// Whether the reading thread waits for the consumer of stdout.
    is_printing: AtomicBool,
    /// Whether stdout ends in the middle of a line.
    is_within_line: AtomicBool,
}

impl Pulse {
    /// Records that the disk has responded.
    pub(crate) fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
    }

    /// Returns how often it has.
    pub(crate) fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    pub(crate) fn is_printing(&self) -> bool {
        self.is_printing.load(Relaxed)
    }

    pub(crate) fn is_within_line(&self) -> bool {
        self.is_within_line.load(Relaxed)
    }
}

/// A file of the record, or stdout, that reports each step.
#[derive(Debug)]
pub(crate) struct Watched<'p, T> {
    pub(crate) of: T,
    pub(crate) pulse: &'p Pulse,
}

impl<T: Read> Read for Watched<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.of.read(into);
        self.pulse.beat();
        read
    }
}

impl<T: Write> Write for Watched<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pulse.is_printing.store(true, Relaxed);
        let written = self.of.write(bytes);
        if let Ok(len @ 1..) = written {
            let is_within_line = bytes[len - 1] != b'\n';
            self.pulse.is_within_line.store(is_within_line, Relaxed);
        }
        self.pulse.beat();
        self.pulse.is_printing.store(false, Relaxed);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pulse.is_printing.store(true, Relaxed);
        let flushed = self.of.flush();
        self.pulse.is_printing.store(false, Relaxed);
        flushed
    }
}
