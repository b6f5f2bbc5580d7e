//! The log of a session: every line once, in order, for any number of readers.
//!
//! Lines stand in a file. Whoever writes never waits for whoever reads; a reader goes through the file at
//! its own pace and is told when there is more. That costs a reader no memory, however far behind it is.

mod line;
mod reader;
mod run_lines;
mod store;
mod tail;

pub use line::LogLine;
pub use reader::Logs;
pub(super) use run_lines::RunLines;
pub(super) use store::Log;

/// Longest text of one line, in bytes; what is longer becomes several.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
