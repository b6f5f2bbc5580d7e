//! The kernel's OOM killer, caused by this run or by another process.

use std::process::Command;

use crate::support::fake_tool::FakeTool;
use crate::support::memory_cgroup::MemoryCgroup;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    oom_kill_of_another_process_is_not_blamed_on_a_failure,
    oom_kill_of_a_provisioner_is_out_of_memory,
    oom_kill_of_the_tool_is_out_of_memory,
}

const MIB: u64 = 1024 * 1024;
/// A program that uses up all memory.
const GREEDY: &str = "exec tail /dev/zero";
/// Enough memory for either tool with one provisioner.
const ENOUGH: u64 = 400 * MIB;

fn oom_kill_of_another_process_is_not_blamed_on_a_failure(tool: Tool) {
    let own = MemoryCgroup::new(ENOUGH);
    let of_another = MemoryCgroup::new(16 * MIB);
    let script = "touch ready; while [ ! -e go ]; do sleep 0.05; done; exit 3";
    let workspace = Workspace::with_in_flight(tool, Backend::Local, script);
    let runner = Launch::request(&workspace, &workspace.apply())
        .in_memory_cgroup(&own)
        .start();
    workspace.wait_until_in_flight();
    let mut greedy = Command::new("sh");
    let ended = greedy
        .arg("-c")
        .arg(format!("{}{GREEDY}", of_another.enter()))
        .status()
        .expect("a shell starts");
    assert!(!ended.success());
    assert_eq!((of_another.kills(), own.kills()), (1, 0));
    workspace.let_go();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    let class = &result["diagnosis"]["class"];
    assert_eq!(class, "provider_error", "{result:#}");
}

fn oom_kill_of_a_provisioner_is_out_of_memory(tool: Tool) {
    let own = MemoryCgroup::new(ENOUGH);
    let workspace = Workspace::with_in_flight(tool, Backend::Local, GREEDY);
    let ending = Launch::request(&workspace, &workspace.apply())
        .in_memory_cgroup(&own)
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert!(own.kills() > 0);
    let class = &result["diagnosis"]["class"];
    assert_eq!(class, "out_of_memory", "{result:#}");
}

/// The kernel kills the process that uses most memory, which a real tool is not.
fn oom_kill_of_the_tool_is_out_of_memory(tool: Tool) {
    let own = MemoryCgroup::new(64 * MIB);
    let fake = FakeTool::new(tool, GREEDY);
    let ending = Launch::request(&fake.workspace, &fake.apply())
        .in_memory_cgroup(&own)
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result["signal"], "SIGKILL", "{result:#}");
    let class = &result["diagnosis"]["class"];
    assert_eq!(class, "out_of_memory", "{result:#}");
}
