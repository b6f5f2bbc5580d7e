//! Faults that a runner meets in production, with real terraform and real tofu.
//!
//! `docs/faults.md` is the published table: each row names the tests here (or in `tests/cli`) that prove it, and
//! [`published_table`] checks that those tests exist.

#[macro_use]
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_macros, reason = "tests/cli needs all of it")]
mod support;

mod front;
mod masking;
mod published_table;
mod run_dir;
mod sandbox;
mod supervision;
mod verdict;
