//! The test rig: everything that the integration tests need around the binary.
//!
//! | module | what it holds |
//! |---|---|
//! | `rows` | macros that turn one row into a test for each tool |
//! | [`waiting`] | the one way to wait: a probe and a deadline |
//! | `bounded` | calls that fail their test when they hang |
//! | [`tools`] | where the real terraform and tofu are |
//! | [`mark`] | proves that no process of a test is left alive |
//! | [`state`] | the contents of a state document |
//! | `served_router` | a router of axum on loopback, in a thread |
//! | [`state_server`] | a state server over HTTP with locking, which can be slow or refuse |
//! | [`workspace`] | a configuration with three quick resources and a slow one, and its true state |
//! | [`runner`] | the real binary: start, input, signals, output, end |
//! | [`ending`] | the output of a run, and checks of it |
//! | [`record`] | the events of a run directory, with their texts |
//! | [`fake_tool`] | a scripted tool for what the real ones can't be made to do |
//! | [`freezer`] | a control group whose processes can be frozen |
//! | `program` | programs that a test writes itself |
//! | [`terminal`] | a pseudo-terminal that can hang up |
//! | [`memory_cgroup`] | a memory cgroup with a limit |
//! | [`small_disk`] | a disk that is soon full |
//! | [`without_landlock`] | a kernel without Landlock |
//!
//! No test sleeps to synchronise. Every wait is bounded.

#[macro_use]
#[allow(
    unused_macros,
    reason = "not every test binary has rows for both tools"
)]
mod rows;

pub(crate) mod bounded;
pub(crate) mod ending;
pub(crate) mod fake_tool;
#[allow(dead_code, reason = "tests/faults needs it")]
pub(crate) mod freezer;
pub(crate) mod mark;
#[allow(dead_code, reason = "tests/faults alone needs it")]
pub(crate) mod memory_cgroup;
pub(crate) mod program;
pub(crate) mod record;
pub(crate) mod runner;
pub(crate) mod served_router;
pub(crate) mod small_disk;
pub(crate) mod state;
pub(crate) mod state_server;
pub(crate) mod terminal;
pub(crate) mod tools;
pub(crate) mod waiting;
#[allow(dead_code, reason = "tests/faults needs it")]
pub(crate) mod without_landlock;
pub(crate) mod workspace;
