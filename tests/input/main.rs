//! The real binary with any input on stdin, and a scripted tool's output for all its readers.

mod any_bytes;
mod any_output;
mod bad_documents;
mod bad_fields;
mod bad_surroundings;
#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/bounded.rs"]
mod bounded;
mod call;
mod low_limits;
#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/program.rs"]
mod program;
#[path = "../support/record.rs"]
mod record;
mod refusal;
mod schemas;
#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/waiting.rs"]
mod waiting;

mod test_env;
