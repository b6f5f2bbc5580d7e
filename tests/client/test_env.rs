//! Shared helpers of the client tests: the binary, typed requests, bounded waits.

use std::future::Future;

use iac_runner::client::{Run, RunEvent, Runner, blocking};
use iac_runner::protocol::{Event, Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::bounded::in_time;
use crate::support::mark::parent_of;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::Workspace;

pub(crate) fn runner() -> Runner {
    Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built")
}

pub(crate) fn blocking_runner() -> blocking::Runner {
    blocking::Runner::from(runner())
}

/// Returns a request of the workspace as a typed request, with the workspace's `PATH` and home.
pub(crate) fn typed(workspace: &Workspace, mut request: Value) -> Request {
    let variables = &mut request["env_vars"];
    if variables["PATH"].is_null() {
        variables["PATH"] = json!(workspace.tool.path());
    }
    variables["HOME"] = json!(workspace.home());
    request["inherit_env"] = json!([]);
    Request::parse(request.to_string().as_bytes()).expect("a valid request")
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Runs a future to its end, which must come in time.
#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(within_a_test(future))
}

pub(crate) async fn within_a_test<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WITHIN_A_TEST, future)
        .await
        .expect("it ends within the time of a test")
}

/// Runs a test with blocking calls in a separate thread, so that a call that hangs fails the test.
#[track_caller]
pub(crate) fn blocking_test(test: impl FnOnce() + Send + 'static) {
    in_time("the end of the test", test);
}

/// Reads events up to an output that contains this text.
pub(crate) async fn output_with(run: &mut Run, wanted: &str) {
    while let Some(event) = within_a_test(run.next_event()).await {
        if text_of(&event).is_some_and(|text| text.contains(wanted)) {
            return;
        }
    }
    panic!("the events ended without `{wanted}`");
}

pub(crate) fn text_of(event: &RunEvent) -> Option<&str> {
    match event {
        RunEvent::Known(Event::Output { text, .. }) => Some(text),
        RunEvent::Known(_) | RunEvent::StopFailed { .. } | RunEvent::Other { .. } => None,
    }
}

/// Waits until a process has been reaped: a zombie still has its folder.
#[track_caller]
pub(crate) fn wait_until_reaped(pid: u32) {
    let child = i32::try_from(pid).expect("a pid");
    let ours = i32::try_from(std::process::id()).expect("a pid");
    // Its process id may be reused at once, by a process that is not our child.
    wait_for("the runner to be reaped", SOON, || {
        (parent_of(child) != Some(ours)).then_some(())
    });
}
