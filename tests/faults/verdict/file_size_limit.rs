//! A file size limit that cuts the tool's output, including its errors.

use std::os::unix::fs::chown;
use std::process::Command;

use crate::support::runner::Launch;
use crate::support::state_server::Unlocks;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    output_that_a_limit_cuts_leaves_no_claim,
}

/// A user who cannot raise the limit.
const USER: u32 = 65_534;
const LIMIT_BYTES: u32 = 400_000;

fn output_that_a_limit_cuts_leaves_no_claim(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "seq 1 60000");
    workspace.server().take_unlocks(Unlocks::Refused);
    let folder = workspace.work_dir();
    let folder = folder.parent().expect("a temporary directory");
    let given = Command::new("chown")
        .args(["-R", &USER.to_string()])
        .arg(folder)
        .status()
        .expect("`chown` starts");
    assert!(given.success(), "run the tests as root");
    chown(folder, Some(USER), Some(USER)).expect("run the tests as root");
    let mut request = workspace.request("apply", &["-auto-approve", "-no-color"]);
    request["output_limit_bytes"] = serde_json::json!(100_000);
    let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
    let limit = format!("--fsize={LIMIT_BYTES}:{LIMIT_BYTES}");
    let ending = Launch::request(&workspace, &request)
        .after(&[
            "setpriv",
            &user,
            &group,
            "--clear-groups",
            "prlimit",
            &limit,
        ])
        .run();
    let result = ending.result();
    assert_eq!(
        result["output_bytes"], LIMIT_BYTES,
        "{:#}",
        result["error_msg"]
    );
    assert_eq!(
        result["output_complete"], false,
        "{:#}",
        result["error_msg"]
    );
    assert_eq!(
        result["state"]["safety"], "unknown",
        "{:#}",
        result["state"]
    );
    assert_eq!(result["state"]["lock"], "unknown", "{:#}", result["state"]);
    let told = result["error_msg"].as_str().expect("text");
    assert!(
        result["success"] == true || told.contains("`ulimit -f`"),
        "{told}"
    );
    assert!(workspace.lock_holder().is_some());
}
