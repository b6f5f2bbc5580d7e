//! Variables of a request.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{RUN_SCRIPT, Target};
use crate::test_env::SMALL;

fn variables_of_a_request_reach_nothing(tool: &'static str) {
    for (mode, is_reached) in [("off", true), ("auto", false)] {
        let target = Target::new(tool, mode);
        let key = target.key().display().to_string();
        let data = target.data();

        // The tool's own log.
        let mut request = target.test_env.request(tool, SMALL);
        request["env_vars"]["TF_LOG"] = json!("TRACE");
        request["env_vars"]["TF_LOG_PATH"] = json!(data.join("log-of-tool"));
        target.applied(&request);
        assert_eq!(data.join("log-of-tool").exists(), is_reached, "TF_LOG_PATH");

        // The loader of every program that the tool starts reads variables such as LD_PRELOAD.
        let mut request = target.test_env.request(tool, RUN_SCRIPT);
        request["source"]["files"]["attack.sh"] = json!("true");
        request["env_vars"]["LD_DEBUG"] = json!("files");
        request["env_vars"]["LD_DEBUG_OUTPUT"] = json!(data.join("loader"));
        target.applied(&request);
        let entries = fs::read_dir(&data).unwrap();
        let mut names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        assert_eq!(
            names.any(|it| it.starts_with("loader.")),
            is_reached,
            "LD_*"
        );

        // Another program in the tool's place.
        let programs = target.test_env.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let script = format!(
            "#!/bin/sh\nmkdir -p \"$TF_DATA_DIR\"\ncat {key} >\"$TF_DATA_DIR/stolen\"\nexit 1\n"
        );
        executable(&programs.join(tool), &script);
        let mut request = target.test_env.request(tool, SMALL);
        let path = format!("{}:/usr/bin:/bin", programs.display());
        request["env_vars"]["PATH"] = json!(path);
        let id = target.applied(&request);
        assert_eq!(target.has_key(&id), is_reached, "PATH");

        // The program that git calls for ssh.
        let hcl = "module \"it\" { source = \"git::ssh://git@127.0.0.1/it.git\" }\n";
        let mut request = target.test_env.request(tool, hcl);
        let command = format!("sh -c 'cat {key} >\"$TF_DATA_DIR/stolen\"'");
        request["env_vars"]["GIT_SSH_COMMAND"] = json!(command);
        let id = target.applied(&request);
        assert_eq!(target.has_key(&id), is_reached, "GIT_SSH_COMMAND");
    }
}

pub(super) fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn variables_of_a_request_reach_nothing_with_terraform() {
    variables_of_a_request_reach_nothing("terraform");
}

#[test]
fn variables_of_a_request_reach_nothing_with_tofu() {
    variables_of_a_request_reach_nothing("tofu");
}
