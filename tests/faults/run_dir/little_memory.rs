//! The request asks for more output in the result than the memory of the control group holds.

use serde_json::json;

use super::memory_group::MemoryGroup;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    an_output_limit_beyond_the_memory_cuts_the_output,
}

const MIB: u64 = 1024 * 1024;

fn an_output_limit_beyond_the_memory_cuts_the_output(tool: Tool) {
    let memory = 256 * MIB;
    let group = MemoryGroup::new(tool.name(), memory);
    // 80 MB: more than a quarter of the memory, and less than the third above which waiting output is skipped.
    let fake = FakeTool::new(
        tool,
        "for part in $(seq 1 20); do seq 1000000 1500000; done",
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
