//! The rig: everything that the integration tests need around the binary.
//!
//! | module | what it holds |
//! |---|---|
//! | `rows` | macros that turn one row into a test for each tool |
//! | [`waiting`] | the one way to wait: a probe and a deadline |
//! | `bounded` | calls that fail their test when they hang |
//! | [`tools`] | where the real terraform and tofu are |
//! | [`mark`] | proof that nothing of a test is left alive |
//! | [`state`] | what a state document holds |
//! | [`state_server`] | a state server over HTTP with locking, to be slowed, to refuse |
//! | [`workspace`] | a configuration with three quick resources and one in flight, and its true state |
//! | [`runner`] | the real binary: started, fed, signalled, read, waited for |
//! | [`ending`] | what came out of it, and what it is held against |
//! | [`fake_tool`] | a scripted tool for what the real ones can't be made to do |
//! | `program` | programs that a test writes itself |
//! | [`terminal`] | a pseudo-terminal that can hang up |
//! | [`small_disk`] | a disk that is full soon |
//!
//! No test sleeps to synchronise. Every wait is bounded.

#[macro_use]
mod rows;

pub(crate) mod bounded;
pub(crate) mod ending;
pub(crate) mod fake_tool;
pub(crate) mod mark;
pub(crate) mod program;
pub(crate) mod runner;
pub(crate) mod small_disk;
pub(crate) mod state;
pub(crate) mod state_server;
pub(crate) mod terminal;
pub(crate) mod tools;
pub(crate) mod waiting;
pub(crate) mod workspace;
