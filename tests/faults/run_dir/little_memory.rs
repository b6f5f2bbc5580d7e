//! More output is wanted in the result than the memory of the control group holds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    an_output_limit_beyond_the_memory_cuts_the_output,
}

const MIB: u64 = 1024 * 1024;

/// A control group with a limit to its memory, for as long as this lives.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Makes one; fails the test where that is not allowed.
    #[track_caller]
    fn new(name: &str, limit_bytes: u64) -> Self {
        let mount = Path::new("/sys/fs/cgroup");
        let (parent, limit) = match mount.join("memory").is_dir() {
            true => (mount.join("memory"), "memory.limit_in_bytes"),
            false => (mount.to_owned(), "memory.max"),
        };
        let group = Self(parent.join(format!("iac-test-{}-{name}", std::process::id())));
        fs::create_dir(&group.0).expect("a control group; run the tests as root");
        fs::write(group.0.join(limit), limit_bytes.to_string()).expect("a limit");
        group
    }

    /// A script that moves itself there and runs the program that follows it.
    fn entrance(&self) -> String {
        format!("echo $$ >{}/cgroup.procs && exec \"$@\"", self.0.display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Fails while a process of the test is still ending there.
        let _ = fs::remove_dir(&self.0);
    }
}

fn an_output_limit_beyond_the_memory_cuts_the_output(tool: Tool) {
    let memory = 256 * MIB;
    let group = MemoryGroup::new(tool.name(), memory);
    // Slowly, so that little waits to be read.
    let fake = FakeTool::new(
        tool,
        "for part in $(seq 1 40); do seq 1000000 1500000; sleep 0.05; done",
    );
    let mut request = fake.apply();
    request["output_limit_bytes"] = json!(1024 * MIB);
    request
        .as_object_mut()
        .expect("an object")
        .remove("run_dir");
    let ending = Launch::request(&fake.workspace, &request)
        .under(&["sh", "-c", &group.entrance(), "sh"])
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output_complete"], true);
    assert_eq!(result["output_truncated"], true);
    let output = result["output"].as_str().expect("text");
    assert!(output.len() as u64 <= memory / 4, "{} bytes", output.len());
    assert!(output.len() as u64 > memory / 5, "{} bytes", output.len());
    assert!(output.starts_with("1000000\n") && output.ends_with("\n1500000\n"));
    let warning = "warning: `output_limit_bytes`: ";
    assert!(ending.stderr.contains(warning), "{}", ending.stderr);
}
