//! The front process: answers that are being copied, diagnostics that nobody reads, hostile stdin.
