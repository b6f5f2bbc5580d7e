//! The client library with the real binary and real tools, and with scripted runners for what the real one does not do.

#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod attach;
mod blocking;
mod calls;
mod fake_runners;
mod handle;
mod hanging_runners;
mod test_env;
