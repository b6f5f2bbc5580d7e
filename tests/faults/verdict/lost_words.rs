//! Ends at which the tool's own messages say less than they seem to.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::small_disk::SmallDisk;
use crate::support::state_server::{Reads, StateServer, Unlocks};
use crate::support::tools::Tool;
use crate::support::waiting::WITHIN_A_TEST;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    errored_state_that_a_full_disk_cut_is_not_reported,
    output_is_whole_when_a_script_opens_it_anew,
    migration_that_leaves_a_lock_is_not_released,
    lock_without_an_address_to_release_it_is_not_released,
    lock_address_from_a_variable_is_not_forgotten,
    lock_whose_release_was_not_answered_is_not_held,
    lock_is_unknown_if_the_tool_fails_before_planning,
    lock_that_a_console_leaves_is_reported,
    message_of_a_condition_hides_no_lock_that_is_held,
    init_that_has_moved_the_state_is_not_retryable,
    init_that_is_killed_may_leave_a_lock,
    init_that_has_a_question_says_what_to_do,
    local_state_that_is_removed_in_mid_apply_is_not_saved,
    local_state_that_is_replaced_in_mid_apply_is_not_saved,
    local_state_that_is_lost_behind_a_link_or_in_a_new_directory_is_not_saved,
    errored_state_of_a_provisioner_is_not_the_tools,
    command_that_only_prints_the_version_writes_no_state,
}

const SMALL: &str = "resource \"terraform_data\" \"a\" {}\n";

fn errored_state_that_a_full_disk_cut_is_not_reported(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, SMALL);
    let disk = SmallDisk::mount(200);
    let large = "resource \"terraform_data\" \"b\" {\n  count = 4\n  \
                 input = join(\"\", [for i in range(1000) : \"0123456789\"])\n}\n";
    fs::write(disk.path().join("main.tf"), large).expect("room on the disk");
    let on_disk = |command: &str, args: &[&str]| {
        let mut request = workspace.request(command, args);
        request["work_dir"] = json!(disk.path());
        Launch::request(&workspace, &request).run()
    };
    let made = on_disk("init", &["-no-color"]);
    made.assert_outcome(&made.result(), "succeeded");
    leave_room(&disk, 20 * 1024);
    let ending = on_disk("apply", &["-auto-approve", "-no-color"]);
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert!(disk.path().join("errored.tfstate").exists());
    assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    let named = &result["state"]["errored_state_file"];
    assert_eq!(named, &Value::Null, "{result:#}");
    let told = result["error_msg"].as_str().expect("a sentence");
    assert!(told.contains("holds no state"), "{told}");
}

/// Fills a disk except for this many bytes.
fn leave_room(disk: &SmallDisk, bytes: u64) {
    let mut file = fs::File::create(disk.path().join("fill")).expect("a new file");
    while file.write_all(&[b'x'; 1024]).is_ok() {}
    let len = file.metadata().expect("it is open").len();
    file.set_len(len - bytes).expect("it gets smaller");
}

fn output_is_whole_when_a_script_opens_it_anew(tool: Tool) {
    for stream in ["stderr", "stdout"] {
        let workspace = Workspace::with_configuration(tool, Backend::Server, SMALL);
        let script =
            format!("TOOL \"$@\"; code=$?; echo it ended with $code > /dev/{stream}; exit $code");
        let fake = FakeTool::around_the_tool(workspace, &script);
        let apply = fake.request("apply", &["-auto-approve", "-no-color"]);
        let ending = Launch::request(&fake.workspace, &apply).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["state"]["safety"], "saved", "{result:#}");
        let output = result["output"].as_str().expect("text");
        assert!(output.contains("will perform the following"), "{output}");
        assert!(output.contains("Apply complete!"), "{output}");
    }
}

/// Terraform exits with 0 and prints nothing about it.
fn migration_that_leaves_a_lock_is_not_released(tool: Tool) {
    let server = StateServer::start();
    server.take_unlocks(Unlocks::Refused);
    let workspace = with_changed_backend(tool, &server);
    let migrate = workspace.request("init", &["-force-copy", "-no-color"]);
    let result = Launch::request(&workspace, &migrate).run().result();
    assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
}

fn lock_without_an_address_to_release_it_is_not_released(tool: Tool) {
    let server = StateServer::start();
    let url = server.url();
    let configuration = format!(
        "terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n    lock_address = \"{url}\"\n  }}\n}}\n{SMALL}"
    );
    let workspace = Workspace::with_configuration(tool, Backend::Local, &configuration);
    let apply = workspace.request("apply", &["-auto-approve", "-no-color"]);
    assert_lock_is_unknown(&workspace, &apply);
}

fn lock_address_from_a_variable_is_not_forgotten(tool: Tool) {
    let server = StateServer::start();
    let url = server.url();
    let configuration =
        format!("terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n  }}\n}}\n{SMALL}");
    let workspace = Workspace::with_configuration(tool, Backend::Local, &configuration);
    let mut apply = workspace.request("apply", &["-auto-approve", "-no-color"]);
    apply["env_vars"]["TF_HTTP_LOCK_ADDRESS"] = json!(url);
    assert_lock_is_unknown(&workspace, &apply);
    assert!(server.lock_holder().is_some());

    let server = StateServer::start();
    let url = server.url();
    apply["env_vars"]["TF_HTTP_LOCK_ADDRESS"] = json!(url);
    apply["env_vars"]["TF_HTTP_UNLOCK_ADDRESS"] = json!(url);
    let result = Launch::request(&workspace, &apply).run().result();
    assert_eq!(result["state"]["lock"], "released", "{result:#}");
    assert_eq!(server.lock_holder(), None);
}

fn lock_whose_release_was_not_answered_is_not_held(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, SMALL);
    workspace.server().take_unlocks(Unlocks::NotAnswered);
    for json in [&["-json"][..], &[]] {
        let args = [&["-auto-approve", "-no-color"], json].concat();
        let result = Launch::request(&workspace, &workspace.request("apply", &args))
            .run()
            .result();
        assert_eq!(
            result["diagnosis"]["class"], "state_lock_release_failed",
            "{result:#}"
        );
        assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
        workspace.assert_lock_is_released();
    }
}

/// Both tools ignore a failed release then.
fn lock_is_unknown_if_the_tool_fails_before_planning(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, SMALL);
    let missing = "variable \"missing\" {}\n";
    fs::write(workspace.work_dir().join("missing.tf"), missing).expect("a new file");
    workspace.server().take_unlocks(Unlocks::Refused);
    for args in [
        &["-auto-approve", "-no-color"][..],
        &["-auto-approve", "-json"],
    ] {
        let request = workspace.request("apply", args);
        let ending = Launch::request(&workspace, &request).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(
            result["diagnosis"]["class"], "missing_variable",
            "{result:#}"
        );
        assert!(workspace.lock_holder().is_some());
        assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
        assert_eq!(result["state"]["safety"], "saved", "{result:#}");
        workspace.server().release();
    }
}

/// Both tools exit with 0.
fn lock_that_a_console_leaves_is_reported(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, SMALL);
    let console = workspace.request("console", &["-no-color"]);
    let result = Launch::request(&workspace, &console).run().result();
    assert_eq!(result["state"], Value::Null, "{result:#}");
    workspace.server().take_unlocks(Unlocks::Refused);
    let result = Launch::request(&workspace, &console).run().result();
    assert!(workspace.lock_holder().is_some());
    assert_eq!(result["state"]["lock"], "held", "{result:#}");
    assert_eq!(result["state"]["safety"], "saved", "{result:#}");
}

/// The message looks like the beginning of another error of the tool, whose detail its next error would be.
fn message_of_a_condition_hides_no_lock_that_is_held(tool: Tool) {
    for message in [
        "it fails",
        "it fails:\\n\\nError: connection refused",
        "it fails:\\n\\nError: connection refused\\n",
    ] {
        let hcl = format!(
            "resource \"terraform_data\" \"a\" {{\n  input = 1\n  lifecycle {{\n    postcondition {{\n      \
             condition = self.output == 2\n      error_message = \"{message}\"\n    }}\n  }}\n}}\n"
        );
        let workspace = Workspace::with_configuration(tool, Backend::Server, &hcl);
        workspace.server().take_unlocks(Unlocks::Refused);
        for (form, lock) in [(&["-no-color"][..], "unknown"), (&[], "held")] {
            let flags = [&["-auto-approve"], form].concat();
            let ending = Launch::request(&workspace, &workspace.request("apply", &flags)).run();
            let result = ending.result();
            ending.assert_outcome(&result, "failed");
            assert!(workspace.lock_holder().is_some());
            assert_eq!(result["state"]["lock"], lock, "{message}: {result:#}");
            workspace.server().release();
        }
    }
}

/// It cannot install a provider after that.
fn init_that_has_moved_the_state_is_not_retryable(tool: Tool) {
    for (flag, variable) in [
        (Some("-force-copy"), None),
        (None, Some(("TF_CLI_ARGS", "-force-copy"))),
        (
            None,
            Some(("TF_CLI_ARGS_init", "-migrate-state -force-copy")),
        ),
    ] {
        let server = StateServer::start();
        let workspace = with_changed_backend(tool, &server);
        let provider = "terraform {\n  required_providers {\n    a = {\n      \
                        source = \"127.0.0.1:1/a/a\"\n    }\n  }\n}\n";
        fs::write(workspace.work_dir().join("provider.tf"), provider).expect("a new file");
        let flags: Vec<&str> = flag.into_iter().chain(["-no-color"]).collect();
        let mut init = workspace.request("init", &flags);
        if let Some((name, value)) = variable {
            init["env_vars"][name] = json!(value);
        }
        let ending = Launch::request(&workspace, &init).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        let diagnosis = &result["diagnosis"];
        assert_eq!(diagnosis["class"], "provider_install", "{result:#}");
        assert_eq!(diagnosis["retryable"], false, "{variable:?}: {result:#}");
    }
}

/// A workspace with a local state and another backend in its configuration.
fn with_changed_backend(tool: Tool, server: &StateServer) -> Workspace {
    let workspace = Workspace::with_configuration(tool, Backend::Local, SMALL);
    let apply = workspace.request("apply", &["-auto-approve", "-no-color"]);
    let applied = Launch::request(&workspace, &apply).run();
    applied.assert_outcome(&applied.result(), "succeeded");
    let block = format!("terraform {{\n{}}}\n", server.backend_block());
    fs::write(workspace.work_dir().join("backend.tf"), block).expect("a new file");
    workspace
}

fn init_that_is_killed_may_leave_a_lock(tool: Tool) {
    let server = StateServer::start();
    let workspace = with_changed_backend(tool, &server);
    server.take_reads(Reads::Never);
    let init = workspace.request("init", &["-no-color"]);
    let mut runner = Launch::request(&workspace, &init).start();
    server.wait_for_more("GET", 0, WITHIN_A_TEST);
    runner.control(r#"{"type":"cancel","force":true}"#);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "killed");
    let told = result["error_msg"].as_str().expect("a sentence");
    assert!(told.contains("may still be held"), "{told}");
}

fn init_that_has_a_question_says_what_to_do(tool: Tool) {
    let server = StateServer::start();
    let workspace = with_changed_backend(tool, &server);
    for args in [&["-no-color"][..], &[]] {
        let init = workspace.request("init", args);
        let result = Launch::request(&workspace, &init).run().result();
        assert_eq!(
            result["diagnosis"]["class"], "backend_init_required",
            "{result:#}"
        );
        let told = result["diagnosis"]["message"].as_str().expect("a sentence");
        assert!(told.contains("-migrate-state -force-copy"), "{told}");
    }
}

#[track_caller]
fn assert_lock_is_unknown(workspace: &Workspace, apply: &Value) {
    let ending = Launch::request(workspace, apply).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["state"]["safety"], "saved", "{result:#}");
    assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
}

/// A provisioner removes the state file, or the whole directory; both tools report success.
fn local_state_that_is_removed_in_mid_apply_is_not_saved(tool: Tool) {
    let hcl = "variable \"removes\" {}\nresource \"terraform_data\" \"a\" {\n  input = var.removes\n  \
               provisioner \"local-exec\" {\n    command = var.removes\n  }\n  triggers_replace = var.removes\n}\n";
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let directory = workspace.work_dir();
    let removed = format!("cd / && rm -r '{}'", directory.display());
    for (removes, safety) in [
        ("true", "saved"),
        ("rm terraform.tfstate", "unknown"),
        (&removed, "unknown"),
    ] {
        let mut request = workspace.request("apply", &["-auto-approve", "-no-color"]);
        request["env_vars"]["TF_VAR_removes"] = json!(removes);
        let ending = Launch::request(&workspace, &request).run();
        let result = ending.result();
        assert_eq!(result["state"]["safety"], safety, "{removes}: {result:#}");
    }
}

/// The tool keeps writing to the file that it opened, which is not the one found there later.
fn local_state_that_is_replaced_in_mid_apply_is_not_saved(tool: Tool) {
    for had_state in [false, true] {
        for (replaces, safety) in [
            ("cp terraform.tfstate copy; rm copy", "saved"),
            ("rm -f terraform.tfstate", "unknown"),
            ("sed -i s/x/y/ terraform.tfstate", "unknown"),
            (
                "mv terraform.tfstate old; mkdir terraform.tfstate",
                "unknown",
            ),
            (
                "cp -r . ../copy; cd ..; rm -r work; mv copy work",
                "unknown",
            ),
        ] {
            let workspace = Workspace::with_configuration(tool, Backend::Local, SMALL);
            let apply = workspace.request("apply", &["-auto-approve", "-no-color"]);
            if had_state {
                let made = Launch::request(&workspace, &apply).run();
                made.assert_outcome(&made.result(), "succeeded");
            }
            let directory = workspace.work_dir();
            let name = directory.file_name().expect("a name").to_string_lossy();
            let replaces = replaces.replace("work", &name);
            let hcl = format!(
                "{SMALL}resource \"terraform_data\" \"b\" {{\n  depends_on = [terraform_data.a]\n  \
                 provisioner \"local-exec\" {{\n    command = \"sleep 0.1; {replaces}\"\n  }}\n}}\n\
                 resource \"terraform_data\" \"c\" {{\n  depends_on = [terraform_data.b]\n}}\n"
            );
            fs::write(workspace.work_dir().join("main.tf"), hcl).expect("written");
            let result = Launch::request(&workspace, &apply).run().result();
            let state = &result["state"];
            assert_eq!(
                state["safety"], safety,
                "{had_state} {replaces}: {result:#}"
            );
        }
    }
}

fn local_state_that_is_lost_behind_a_link_or_in_a_new_directory_is_not_saved(tool: Tool) {
    let empty = "{\"version\":4,\"serial\":1,\"lineage\":\"x\",\"outputs\":{},\"resources\":[]}";
    for (loses, had_state, flags, safety) in [
        ("true", true, &[][..], "saved"),
        ("cp store/real x; mv x store/real", true, &[], "unknown"),
        ("rm -r store", true, &[], "unknown"),
        ("true", false, &[], "saved"),
        ("rm -r store", false, &[], "unknown"),
        ("true", false, &["-state=new/s.tfstate"], "saved"),
        ("rm -r new", false, &["-state=new/s.tfstate"], "unknown"),
        (
            "rm new/s.tfstate",
            false,
            &["-state=new/s.tfstate"],
            "unknown",
        ),
    ] {
        let hcl = format!(
            "resource \"terraform_data\" \"a\" {{\n  provisioner \"local-exec\" {{\n    command = \"{loses}\"\n  }}\n}}\n"
        );
        let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
        let directory = workspace.work_dir();
        fs::create_dir(directory.join("store")).expect("a new directory");
        symlink("store/real", directory.join("terraform.tfstate")).expect("a new link");
        if had_state {
            fs::write(directory.join("store/real"), empty).expect("written");
        }
        let args = [&["-auto-approve", "-no-color"], flags].concat();
        let ending = Launch::request(&workspace, &workspace.request("apply", &args)).run();
        let result = ending.result();
        assert_eq!(
            result["state"]["safety"], safety,
            "{loses} {had_state} {flags:?}: {result:#}"
        );
    }
}

fn errored_state_of_a_provisioner_is_not_the_tools(tool: Tool) {
    for (script, outcome, safety) in [
        ("cp terraform.tfstate errored.tfstate", "succeeded", "saved"),
        (
            "cp terraform.tfstate errored.tfstate; exit 1",
            "failed",
            "saved",
        ),
        ("echo '{}' >errored.tfstate; exit 1", "failed", "saved"),
    ] {
        let hcl = format!(
            "{SMALL}resource \"terraform_data\" \"b\" {{\n  depends_on = [terraform_data.a]\n  \
             provisioner \"local-exec\" {{\n    command = \"{script}\"\n  }}\n}}\n"
        );
        let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
        for json in [&["-json"][..], &[]] {
            let flags = [&["-auto-approve", "-no-color"], json].concat();
            let apply = workspace.request("apply", &flags);
            let ending = Launch::request(&workspace, &apply).run();
            let result = ending.result();
            ending.assert_outcome(&result, outcome);
            let state = &result["state"];
            assert_eq!(state["safety"], safety, "{script}: {result:#}");
            assert_eq!(
                state["errored_state_file"],
                Value::Null,
                "{script}: {result:#}"
            );
            let _ = fs::remove_file(workspace.work_dir().join("errored.tfstate"));
        }
    }
}

/// Both tools look for such a flag anywhere, and exit with 0.
fn command_that_only_prints_the_version_writes_no_state(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, SMALL);
    for word in ["-version", "-v", "--version", "-help", "-h"] {
        let apply = workspace.request("apply", &["-auto-approve", "-lock-timeout", word]);
        let ending = Launch::request(&workspace, &apply).run();
        let result = ending.result();
        assert_eq!(result["state"], Value::Null, "{word}: {result:#}");
        assert!(!workspace.work_dir().join("terraform.tfstate").exists());
    }
}
