//! The real binary with the real terraform and the real tofu.
//!
//! A single binary, so that it links once. Each module holds rows: functions that check the result of one event, and a
//! macro that makes each row a test for every tool, and for every state backend where that matters.

#[macro_use]
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "tests/faults needs the rest of it")]
mod support;

mod attach;
mod basics;
mod disconnect;
mod environment;
mod full_disk;
mod lost_process;
mod rig;
mod secret_parts;
mod secrets;
mod state_fault;
mod stop;
mod stop_twice;
mod stream;
mod stubborn_tool;
