//! Warnings of deployments that succeeded.

use serde_json::{Value, json};

use crate::test_env::{SMALL, TestEnv};

/// Returns the warnings of a destroy, which are the same in its end event and its status.
fn warnings_of_destroy(test_env: &TestEnv, mut request: Value) -> Vec<String> {
    let running = test_env.serve_with(&["--local-sources"]);
    let client = &running.client;
    request["operation"] = json!("destroy");
    let id = client.deploy(&request);
    let events = client.follow(&id, None).until_end();
    let end = events.last().unwrap().json();
    assert_eq!(
        (&end["reason"], &end["error"]),
        (&json!("no_changes"), &json!(""))
    );
    let status = client.status(&id);
    assert_eq!(status["warnings"], end["warnings"]);
    let warnings: Vec<String> = serde_json::from_value(end["warnings"].clone()).unwrap();
    for warning in &warnings {
        let is_told = |line: &str| line.contains(warning);
        assert!(
            events
                .iter()
                .any(|it| it.kind == "log" && is_told(&it.data)),
            "{events:#?}"
        );
    }
    warnings
}

#[test]
fn a_destroy_without_any_state_says_where_state_lives() {
    for tool in ["terraform", "tofu"] {
        let test_env = TestEnv::new();
        let warnings = warnings_of_destroy(&test_env, test_env.request(tool, SMALL));
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].contains("no state to destroy") && warnings[0].contains("no backend"),
            "{warnings:?}"
        );

        let warnings = warnings_of_destroy(&test_env, test_env.directory_request(tool, SMALL));
        assert!(warnings[0].contains("directory"), "{warnings:?}");

        let state = test_env.path().join("elsewhere.tfstate");
        let backend = format!(
            "terraform {{\n  backend \"local\" {{\n    path = \"{}\"\n  }}\n}}\n{SMALL}",
            state.display()
        );
        let warnings = warnings_of_destroy(&test_env, test_env.request(tool, &backend));
        assert!(warnings[0].contains("`local`"), "{warnings:?}");
    }
}

#[test]
fn a_plan_has_no_warnings() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let mut request = test_env.request("terraform", SMALL);
    request["operation"] = json!("plan");
    let id = running.client.deploy(&request);
    let events = running.client.follow(&id, None).until_end();
    assert_eq!(events.last().unwrap().json()["warnings"], json!([]));
    assert_eq!(running.client.status(&id)["warnings"], json!([]));
}
