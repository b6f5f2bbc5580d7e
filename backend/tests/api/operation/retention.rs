//! Retention of ended deployments.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::access::gate::WITHIN_MINUTES;
use crate::test_env::{Running, SMALL, TestEnv};
use crate::waiting::wait_for;

#[test]
fn a_working_directory_goes_and_what_is_known_of_the_deployment_stays() {
    let test_env = TestEnv::new();
    let (id, running) = removed_after(&test_env, SMALL);
    let client = &running.client;
    let status = client.status(&id);
    assert_eq!(status["reason"], "applied");
    let log = status["apply_log"].as_str().unwrap();
    assert!(log.contains("Apply complete"), "{log}");
    let (code, outputs) = client.get(&format!("/deploy/{id}/outputs"));
    assert_eq!(
        (code, &outputs["greeting"]["value"]),
        (200, &json!("Hello, world!"))
    );
}

/// Creates directories whose path is longer than the system accepts.
const DEEP: &str = r#"
resource "terraform_data" "deep" {
  provisioner "local-exec" {
    command = <<-EOT
      name=$(printf 'd%.0s' $(seq 200)); path=$name
      for level in $(seq 14); do path=$path/$name; done
      mkdir -p "$path" "top/$path"
      mv "$name" "top/$path/"
    EOT
  }
}
"#;

#[test]
fn a_working_directory_deeper_than_a_path_goes_as_well() {
    let test_env = TestEnv::new();
    removed_after(&test_env, DEEP);
}

/// Applies a configuration, and waits for the removal of its directory: only what a person may still need is left.
/// Returns the id of the deployment, and the service.
fn removed_after(test_env: &TestEnv, configuration: &str) -> (String, Running) {
    let retention = ["--work-retention", "1s"];
    let running = test_env.serve_with(&retention);
    let client = &running.client;
    let mut request = test_env.request("terraform", configuration);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    wait_for("the end of the retention", WITHIN_MINUTES, || {
        let status = client.status(&id);
        let ended_at: DateTime<Utc> = status["ended_at"].as_str()?.parse().unwrap();
        (Utc::now() - ended_at > TimeDelta::seconds(1)).then_some(())
    });
    running.stop();
    // A start looks for expired directories at once.
    let running = test_env.serve_with(&retention);
    let dir = test_env.root().join("data/sessions").join(&id);
    wait_for("the removal", WITHIN_MINUTES, || {
        let entries = std::fs::read_dir(&dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.eq(["left-states"]).then_some(())
    });
    (id, running)
}
