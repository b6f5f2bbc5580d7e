//! The log of a session: every line once, in order, for any number of readers.
//!
//! A file stores the lines. The writer never waits for readers; a reader reads the file at its own pace and is
//! notified of new lines. A reader needs no extra memory, however far behind it is.

mod file;
mod line;
mod reader;
mod run_lines;
mod store;
mod tail;

pub use self::line::LogLine;
pub use self::reader::Logs;
pub(crate) use self::run_lines::RunLines;
pub(crate) use self::store::Log;

/// Longest text of one line, in bytes; longer text is split into several lines.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
