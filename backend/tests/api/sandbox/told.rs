//! What the service says of the sandbox, and what it keeps to itself.

use std::fs;

use serde_json::json;

use super::Target;
use crate::stand::Stand;

#[test]
fn the_level_is_told() {
    let target = Target::new("terraform", "auto");
    let id = target.applied(
        &target
            .stand
            .request("terraform", "output \"a\" { value = 1 }\n"),
    );
    let level = target.client().status(&id)["sandbox"].clone();
    let level = level.as_str().unwrap();
    assert!(level.starts_with("landlock-"), "{level}");
    let metrics = target.client().get("/metrics").1;
    let series = format!("iac_runner_sandbox_info{{level=\"{level}\"}} 1");
    assert!(metrics.as_str().unwrap().contains(&series), "{metrics}");

    let target = Target::new("terraform", "off");
    let id = target.applied(
        &target
            .stand
            .request("terraform", "output \"a\" { value = 1 }\n"),
    );
    assert_eq!(target.client().status(&id)["sandbox"], json!(null));
}

#[test]
fn secrets_leave_the_environment_of_the_service() {
    const TOKEN: &str = "token-of-a-registry";
    let stand = Stand::new();
    let mut command = stand.command(&["serve", "--registry-host", "https://registry.example.com"]);
    command.env("REGISTRY_TOKEN", TOKEN);
    let running = stand.start(&mut command);
    let environment = fs::read(format!("/proc/{}/environ", running.pid()));
    let environment = String::from_utf8_lossy(&environment.unwrap()).into_owned();
    assert!(environment.contains("IAC_BACKEND_LISTEN"), "{environment}");
    assert!(!environment.contains(TOKEN), "{environment}");
}
