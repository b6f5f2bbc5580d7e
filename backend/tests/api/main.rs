//! The API as clients see it: a real binary, real tools, HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/bounded.rs"]
mod bounded;
mod client;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../../../tests/checkout/http_server.rs"]
mod http_server;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/mark.rs"]
mod mark;
#[path = "../store/postgres_server.rs"]
mod postgres_server;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/program.rs"]
mod program;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../../../tests/checkout/repository.rs"]
mod repository;
mod sandbox;
#[path = "../../../tests/support/served_router.rs"]
mod served_router;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/waiting.rs"]
mod waiting;
#[path = "../../../tests/support/without_landlock.rs"]
mod without_landlock;

mod access;
mod deployments;
mod logs;
mod nodes;
mod operation;
mod recovery;
mod test_env;
