//! What the service reports about the sandbox, and what it hides.

use std::fs::{self, File};
use std::process::Command;

use serde_json::json;

use super::{Target, with_arguments_of};
use crate::bounded::output_of;
use crate::test_env::TestEnv;
use crate::without_landlock::WITHOUT_LANDLOCK;

#[test]
fn the_level_is_told() {
    const CONFIGURATION: &str = "output \"a\" { value = 1 }\n";
    let target = Target::new("terraform", "auto");
    let id = target.applied(&target.test_env.request("terraform", CONFIGURATION));
    let level = target.client().status(&id)["sandbox"].clone();
    let level = level.as_str().unwrap();
    assert!(level.starts_with("landlock-"), "{level}");
    let metrics = target.client().get("/metrics").1;
    let series = format!("iac_runner_sandbox_info{{level=\"{level}\"}} 1");
    assert!(metrics.as_str().unwrap().contains(&series), "{metrics}");

    let target = Target::new("terraform", "off");
    let id = target.applied(&target.test_env.request("terraform", CONFIGURATION));
    assert_eq!(target.client().status(&id)["sandbox"], json!(null));
}

#[test]
fn secrets_leave_the_environment_of_the_service() {
    const TOKEN: &str = "token-of-a-registry";
    let test_env = TestEnv::new();
    let mut command =
        test_env.command(&["serve", "--registry-host", "https://registry.example.com"]);
    command.env("REGISTRY_TOKEN", TOKEN);
    let running = test_env.start(&mut command);
    let environment = fs::read(format!("/proc/{}/environ", running.pid()));
    let environment = String::from_utf8_lossy(&environment.unwrap()).into_owned();
    assert!(environment.contains("IAC_BACKEND_LISTEN"), "{environment}");
    assert!(!environment.contains(TOKEN), "{environment}");
}

/// Returns a `serve` command in this mode, on a kernel without Landlock.
fn without_landlock(test_env: &TestEnv, mode: &str) -> Command {
    let own = test_env.command(&["serve", "--sandbox", mode]);
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", WITHOUT_LANDLOCK])
        .arg(own.get_program());
    with_arguments_of(&mut command, &own);
    command
}

#[test]
fn auto_warns_at_the_start_where_there_is_no_landlock() {
    let test_env = TestEnv::new();
    let log = test_env.path().join("log");
    let mut command = without_landlock(&test_env, "auto");
    command.stderr(File::create(&log).unwrap());
    let running = test_env.start(&mut command);
    let metrics = running.client.get("/metrics").1;
    let series = "iac_runner_sandbox_info{level=\"none\"} 1";
    assert!(metrics.as_str().unwrap().contains(series), "{metrics}");
    running.stop();
    let said = fs::read_to_string(log).unwrap();
    let warned = said
        .lines()
        .any(|line| line.contains("WARN") && line.contains("there is no sandbox"));
    assert!(warned, "{said}");
}

#[test]
fn required_does_not_start_where_there_is_no_landlock() {
    let test_env = TestEnv::new();
    let output = output_of(&mut without_landlock(&test_env, "required"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("has no Landlock"), "{said}");
}
