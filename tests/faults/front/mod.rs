//! The front process: results being copied, diagnostics without a reader, hostile stdin.

mod closed;
mod control_lines;
mod copying;
mod diagnostics;
mod example_cancel;
mod no_reader;
mod process_limit;
mod stdin;
mod terminal;
