//! What a monitoring system is told.

use serde_json::json;

use crate::client::Client;
use crate::stand::{SMALL, Stand};

/// The value of one series.
fn value(client: &Client, series: &str) -> f64 {
    let (code, text) = client.get("/metrics");
    let text = text.as_str().unwrap();
    assert_eq!(code, 200, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("{series} is not in:\n{text}"));
    found.parse().unwrap()
}

#[test]
fn what_runs_waits_and_ended_is_counted() {
    let stand = Stand::new();
    let running = stand.serve();
    let client = &running.client;
    let first = client.deploy(&stand.request("terraform", SMALL));
    let mut events = client.follow(&first, None);
    events.until_status("awaiting_approval");
    let second = client.deploy(&stand.request("terraform", SMALL));
    let series = |name: &str| value(client, &format!("iac_runner_{name}"));
    assert_eq!(series("active_deployments"), 1.0);
    assert_eq!(series("queue_length"), 1.0);
    assert_eq!(series("log_subscribers"), 1.0);
    assert_eq!(series("deployments_total{status=\"success\"}"), 0.0);

    assert_eq!(
        client
            .post(&format!("/deploy/{second}/cancel"), &json!({}))
            .0,
        200
    );
    assert_eq!(series("queue_length"), 0.0);
    assert_eq!(series("deployments_total{status=\"cancelled\"}"), 1.0);

    assert_eq!(
        client
            .post(&format!("/deploy/{first}/approve"), &json!({}))
            .0,
        200
    );
    events.until_end();
    // What is over is counted after it was kept, so whoever wants to see both waits for the next to begin.
    let mut request = stand.request("terraform", SMALL);
    request["operation"] = json!("validate");
    let third = client.deploy(&request);
    client.follow(&third, None).until_end();
    assert_eq!(series("deployments_total{status=\"failed\"}"), 0.0);
    assert!(series("deployments_total{status=\"success\"}") >= 1.0);
    let outcome =
        "deployment_outcomes_total{operation=\"deploy\",reason=\"applied\",class=\"none\"}";
    assert_eq!(series(outcome), 1.0);
    assert!(series("deployment_duration_seconds_count") >= 1.0);
    for phase in ["initializing", "init", "plan", "approval", "apply"] {
        let count = format!("phase_duration_seconds_count{{phase=\"{phase}\"}}");
        assert!(series(&count) >= 1.0, "{phase}");
    }
}
