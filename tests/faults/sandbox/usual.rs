//! The usual operations of a configuration work in a sandbox.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use super::{SECRET, confined, fails, runs_script, secret_folder, succeeds};
use crate::support::bounded::output_of;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        init_plan_apply_and_destroy_work,
    }

    fn init_plan_apply_and_destroy_work(tool: Tool, backend: Backend) {
        let hcl = "resource \"terraform_data\" \"one\" {\n  input = \"x\"\n  provisioner \"local-exec\" {\n    \
                   command = \"echo hello >made\"\n  }\n}\n\
                   output \"input\" {\n  value = terraform_data.one.input\n}\n";
        let workspace = Workspace::not_initialised(tool, backend, hcl);
        for (command, args) in [
            ("init", ["-input=false"].as_slice()),
            ("validate", &[]),
            ("plan", &["-out=tfplan"]),
            ("show", &["-json", "tfplan"]),
            ("apply", &["tfplan"]),
            ("output", &["-json"]),
            ("state", &["list"]),
            ("destroy", &["-auto-approve"]),
        ] {
            succeeds(&workspace, &confined(&workspace, command, args));
        }
        assert!(workspace.work_dir().join("made").exists());
        assert_eq!(workspace.resources(), []);
        workspace.assert_lock_is_released();
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        workspaces_work,
        module_from_a_git_repository_is_fetched_where_it_is_listed,
        listed_paths_are_read_and_written_as_listed,
        settings_below_home_are_read,
        git_settings_that_are_closed_do_not_end_git,
        temporary_directory_is_private_and_removed,
        wrapper_that_says_the_version_is_confined_too,
        tool_that_needs_more_memory_than_its_limit_ends,
    }

    fn workspaces_work(tool: Tool) {
        let workspace = Workspace::with_configuration(tool, Backend::Local, "");
        for args in [["new", "dev"], ["select", "default"], ["select", "dev"]] {
            succeeds(&workspace, &confined(&workspace, "workspace", &args));
        }
        succeeds(
            &workspace,
            &confined(&workspace, "apply", &["-auto-approve"]),
        );
    }

    fn module_from_a_git_repository_is_fetched_where_it_is_listed(tool: Tool) {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let repository = workspace.home().join("repository");
        fs::create_dir(&repository).expect("a new folder");
        fs::write(
            repository.join("main.tf"),
            "output \"a\" {\n  value = 1\n}\n",
        )
        .expect("a module");
        let script = "git init -q && git add . && \
                      git -c user.name=a -c user.email=a@example.com commit -qm first";
        let made = output_of(
            Command::new("sh")
                .args(["-c", script])
                .current_dir(&repository),
        );
        assert!(made.status.success(), "{made:?}");
        let source = format!("git::file://{}", repository.display());
        let hcl = format!("module \"a\" {{\n  source = \"{source}\"\n}}\n");
        fs::write(workspace.work_dir().join("module.tf"), hcl).expect("a configuration");
        fails(&workspace, &confined(&workspace, "init", &[]));
        let mut request = confined(&workspace, "init", &[]);
        request["sandbox"]["read"] = json!([repository]);
        succeeds(&workspace, &request);
        succeeds(
            &workspace,
            &confined(&workspace, "apply", &["-auto-approve"]),
        );
    }

    fn tool_that_needs_more_memory_than_its_limit_ends(tool: Tool) {
        let workspace = Workspace::with_configuration(tool, Backend::Local, "");
        for mode in ["required", "off"] {
            let mut request = workspace.request("plan", &[]);
            request["sandbox"] = json!({"mode": mode, "memory_limit_bytes": 512 << 20});
            let ending = Launch::request(&workspace, &request).run();
            ending.assert_outcome(&ending.result(), "succeeded");
            let lock = workspace.work_dir().join(".terraform.lock.hcl");
            let _ = fs::remove_file(&lock);
            symlink("/dev/zero", &lock).expect("a link");
            let ending = Launch::request(&workspace, &request).run();
            let result = ending.result();
            ending.assert_outcome(&result, "failed");
            let class = &result["diagnosis"]["class"];
            assert_eq!(class, "out_of_memory", "{result:#}");
            fs::remove_file(&lock).expect("the link is there");
        }
    }

    fn listed_paths_are_read_and_written_as_listed(tool: Tool) {
        let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("use.sh"));
        let folder = secret_folder(&workspace);
        let script = format!(
            "cat {0}/key >read\n(echo more >>{0}/key) && echo yes >written\n(echo x >{0}/new) && echo yes \
             >created\ntrue",
            folder.display()
        );
        fs::write(workspace.work_dir().join("use.sh"), script).expect("the script is written");
        let made = |name: &str| {
            let path = workspace.work_dir().join(name);
            let is_made = path.metadata().is_ok_and(|made| made.len() > 0);
            let _ = fs::remove_file(path);
            is_made
        };
        let args = ["-auto-approve", "-replace=terraform_data.script"];
        let missing = workspace.home().join("missing");
        let table = [
            (json!({"read": [folder]}), [true, false, false]),
            (
                json!({"read": [folder.join("key"), missing]}),
                [true, false, false],
            ),
            (
                json!({"write": [folder.join("key"), missing]}),
                [true, true, false],
            ),
            (
                json!({"write": [folder], "read": [folder]}),
                [true, true, true],
            ),
            (json!({}), [false, false, false]),
        ];
        for (listed, expected) in table {
            let mut request = confined(&workspace, "apply", &args);
            for (name, paths) in listed.as_object().expect("an object") {
                request["sandbox"][name] = paths.clone();
            }
            succeeds(&workspace, &request);
            let seen = ["read", "written", "created"].map(made);
            assert_eq!(seen, expected, "{listed}");
        }
    }

    fn settings_below_home_are_read(tool: Tool) {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let folder = workspace.home().join(".terraform.d");
        fs::create_dir(&folder).expect("a new folder");
        fs::write(
            folder.join("credentials.tfrc.json"),
            "{\"credentials\": {}}",
        )
        .expect("a file");
        fs::write(
            workspace.home().join(".terraformrc"),
            "disable_checkpoint = true\n",
        )
        .expect("a file");
        succeeds(&workspace, &confined(&workspace, "init", &[]));
    }

    fn git_settings_that_are_closed_do_not_end_git(tool: Tool) {
        let hcl = runs_script("git.sh");
        let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
        fs::write(workspace.home().join(".gitconfig"), "[user]\n\tname = me\n").expect("a file");
        let script = "git init -q repository && git config user.name >name; true";
        fs::write(workspace.work_dir().join("git.sh"), script).expect("the script is written");
        let mut request = confined(
            &workspace,
            "apply",
            &["-auto-approve", "-replace=terraform_data.script"],
        );
        succeeds(&workspace, &request);
        let name = || fs::read_to_string(workspace.work_dir().join("name")).expect("it ran");
        assert!(workspace.work_dir().join("repository/.git").exists());
        assert_eq!(name(), "");
        request["sandbox"]["read"] = json!([workspace.home().join(".gitconfig")]);
        succeeds(&workspace, &request);
        assert_eq!(name(), "me\n");
    }

    fn temporary_directory_is_private_and_removed(tool: Tool) {
        let workspace =
            Workspace::with_configuration(tool, Backend::Local, &runs_script("temp.sh"));
        let script = "echo x >$TMPDIR/file; stat -c '%a %n' $TMPDIR >temp";
        fs::write(workspace.work_dir().join("temp.sh"), script).expect("the script is written");
        succeeds(
            &workspace,
            &confined(&workspace, "apply", &["-auto-approve"]),
        );
        let temp = fs::read_to_string(workspace.work_dir().join("temp")).expect("it ran");
        let path = temp.trim().strip_prefix("700 ").expect("mode 700");
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }

    fn wrapper_that_says_the_version_is_confined_too(tool: Tool) {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let key = secret_folder(&workspace).join("key");
        let script = format!(
            "#!/bin/sh\ncat {} >>stolen 2>/dev/null\necho ran >>ran\n\
             echo '{{\"terraform_version\":\"1.2.3\"}}'\n",
            key.display()
        );
        let fake = crate::support::fake_tool::FakeTool::in_place_of_the_tool(workspace, &script);
        let mut request = fake.apply();
        request["sandbox"] = json!({"mode": "required"});
        request["tool_version"] = json!("1.2.3");
        let ending = Launch::request(&fake.workspace, &request).run();
        super::super::assert_is_confined(&ending.result());
        let read = |name: &str| fs::read_to_string(fake.workspace.work_dir().join(name));
        assert_eq!(read("ran").expect("it ran"), "ran\nran\n");
        assert!(!read("stolen").unwrap_or_default().contains(SECRET));
    }
}
