//! Processes the tool's output, from the spool to its readers.
//!
//! Spool → [`Redactor`] → [`Utf8`] → [`Capture`], [`Tail`] and [`LineBuffer`]. Each accepts pieces of any size, and
//! its result does not depend on how the text was split.

mod capture;
mod encodings;
mod json;
mod line_buffer;
mod matcher;
mod redactor;
mod secret;
mod spool;
mod tail;
mod utf8;
pub(crate) mod window;
mod wrapped;

pub use self::line_buffer::{LineBuffer, SILENCE};
pub use capture::{Capture, Captured, Excerpt};
pub use json::JsonPosition as JsonPlace;
pub use matcher::{MASK, Matcher};
pub use redactor::Redactor;
pub use secret::{Scope, Secret};
pub use spool::Spool;
pub use tail::Tail;
pub use utf8::Utf8;
