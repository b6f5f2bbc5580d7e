//! The API as clients see it: a real binary, real tools, HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod access;
mod approval_rights;
mod bodies;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/bounded.rs"]
mod bounded;
mod client;
mod command_line;
mod connections;
mod contract;
mod crashes;
mod crowd;
mod deploying;
mod draining;
mod event_source;
mod faults;
mod following;
mod from_git;
mod gate;
mod git_hosts;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../../../tests/checkout/http_server.rs"]
mod http_server;
mod keeping;
mod keyless;
mod limits;
mod locked_store;
mod long_logs;
mod lost_sessions;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/mark.rs"]
mod mark;
mod monitoring;
mod node_names;
mod nodes;
mod on_postgres;
#[path = "../store/postgres_server.rs"]
mod postgres_server;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/program.rs"]
mod program;
mod programs;
mod queue;
mod readiness;
mod recovery;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../../../tests/checkout/repository.rs"]
mod repository;
mod retrying;
mod sandbox;
mod sealing_key;
mod stand;
mod stopping;
mod tickets;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/waiting.rs"]
mod waiting;
mod warnings;
#[path = "../../../tests/support/without_landlock.rs"]
mod without_landlock;
