//! Processes the tool's output, from the spool to its readers.
//!
//! Spool → [`Redactor`] → [`Utf8`] → [`Capture`], [`Tail`] and [`Segments`]. Each accepts pieces of any size, and
//! its result does not depend on how the text was split.

mod capture;
mod encodings;
mod escaping;
mod filter;
mod forms;
mod json;
mod matcher;
mod redactor;
mod same_start;
mod secret;
mod segments;
#[cfg(test)]
mod spellings;
mod spool;
mod tail;
mod utf8;
mod window;
mod wrapped;

pub use capture::{Capture, Captured, Excerpt};
pub use json::Place as JsonPlace;
pub use matcher::{MASK, Matcher};
pub use redactor::Redactor;
pub use secret::{Scope, Secret};
pub use segments::{SILENCE, Segments};
pub use spool::Spool;
pub use tail::Tail;
pub use utf8::Utf8;
