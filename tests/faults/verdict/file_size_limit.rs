//! A file size limit that cuts the tool's output, including its errors.

use crate::support::ending::warnings;
use crate::support::runner::Launch;
use crate::support::state_server::Unlocks;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    output_that_a_limit_cuts_leaves_no_claim,
    result_that_is_larger_than_the_limit_is_told,
}

/// A user who cannot raise the limit.
const USER: u32 = 65_534;
const LIMIT_BYTES: u32 = 400_000;

fn output_that_a_limit_cuts_leaves_no_claim(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "seq 1 60000");
    workspace.server().take_unlocks(Unlocks::Refused);
    let mut request = workspace.request("apply", &["-auto-approve", "-no-color"]);
    request["output_limit_bytes"] = serde_json::json!(100_000);
    let ending = limited(&workspace, Launch::request(&workspace, &request)).run();
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

/// The output fits into a file, and the result, in which each quote of it is escaped, does not.
fn result_that_is_larger_than_the_limit_is_told(tool: Tool) {
    let quotes = format!(
        "head -c {} /dev/zero | tr '\\000' '\\042' | fold -w 60",
        LIMIT_BYTES / 2
    );
    for (has_run_dir, is_streamed) in [(false, false), (true, false), (false, true)] {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, &quotes);
        let mut request = workspace.request("apply", &["-auto-approve", "-no-color"]);
        if has_run_dir {
            request["run_dir"] = serde_json::json!(workspace.run_dir());
        }
        let launch = match is_streamed {
            true => Launch::stream(&workspace, &request),
            false => Launch::request(&workspace, &request),
        };
        let ending = limited(&workspace, launch).run();
        let result = match is_streamed {
            true => {
                let events = ending.events();
                let warnings = warnings(&events).join("; ");
                assert!(warnings.contains("left out of the stream"), "{warnings}");
                ending.streamed_result()
            }
            false => ending.result(),
        };
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["output_truncated"], true, "{is_streamed}");
        assert_eq!(result["output_complete"], true, "{is_streamed}");
        assert_eq!(result["state"]["lock"], "released", "{:#}", result["state"]);
        let output = result["output"].as_str().expect("text");
        let end = &output[output.len().saturating_sub(1000)..];
        assert!(end.contains("Apply complete!"), "{end}");
    }
}

/// Runs a request as a user who cannot raise the limit.
fn limited(workspace: &Workspace, launch: Launch) -> Launch {
    workspace.give_to(USER);
    launch.limited_for_user(USER, &format!("--fsize={LIMIT_BYTES}:{LIMIT_BYTES}"))
}
