//! The API as its clients see it: a started binary, real tools, HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod access;
mod bodies;
mod client;
mod command_line;
mod contract;
mod deploying;
mod event_source;
mod limits;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/mark.rs"]
mod mark;
mod monitoring;
mod queue;
mod recovery;
mod retrying;
mod stand;
mod stopping;
