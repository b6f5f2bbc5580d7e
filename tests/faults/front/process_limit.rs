//! The process limit is reached: the error names the limit.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

/// Runs as a user without other processes: the limit counts all processes of a user.
fn as_user_with_processes(launch: Launch, most: u32) -> Launch {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let user = 1_000_000 + process::id() * 100 + USERS.fetch_add(1, Ordering::Relaxed);
    launch.limited_for_user(user, &format!("--nproc={most}"))
}

#[track_caller]
fn assert_names_the_limit(result: &Value) {
    let sentence = result["error_msg"].as_str().expect("text");
    for part in ["RLIMIT_NPROC", "`ulimit -u`", "`LimitNPROC=`"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn a_supervisor_that_finds_no_room_names_the_limit() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for args in [&[][..], &["--stream"]] {
        let ending = as_user_with_processes(Launch::new(&workspace, args), 1).run();
        let result = match args {
            [] => ending.result(),
            _ => ending.streamed_result(),
        };
        ending.assert_outcome(&result, "not_started");
        assert_names_the_limit(&result);
    }
}

on_both_tools! {
    a_tool_that_finds_no_room_names_the_limit,
}

fn a_tool_that_finds_no_room_names_the_limit(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let mut request = json!({"tool": tool.name(), "work_dir": "/", "command": "version"});
    for version in [Value::Null, json!(tool.version())] {
        if version.is_string() {
            request["tool_version"] = version;
        }
        let launch = Launch::request(&workspace, &request);
        let ending = as_user_with_processes(launch, 2).run();
        let result = ending.result();
        ending.assert_outcome(&result, "not_started");
        assert_names_the_limit(&result);
    }
}
