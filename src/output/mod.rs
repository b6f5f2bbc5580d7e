//! What the tool prints, from the spool to whoever may see it.
//!
//! Spool → [`Redactor`] → [`Utf8`] → [`Capture`], [`Tail`] and [`Segments`]. Each takes pieces of any
//! size and gives the same text for any way of cutting it.

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
