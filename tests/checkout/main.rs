//! Checkouts with the real git: from disk, over http with `git http-backend`, over ssh with a real `sshd`.

#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/bounded.rs"]
mod bounded;
#[path = "../support/served_router.rs"]
mod served_router;
#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/waiting.rs"]
mod waiting;

mod confinement;
mod failures;
mod hosts;
mod http;
mod http_server;
mod lfs;
mod mirrors;
mod processes;
mod refs;
mod repository;
mod secrets;
mod ssh;
mod ssh_server;
mod stops;
mod submodules;
mod work_dirs;

mod test_env;
