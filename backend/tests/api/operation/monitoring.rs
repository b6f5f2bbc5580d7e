//! Metrics.

use std::collections::BTreeMap;

use serde_json::json;

use crate::access::gate::WITHIN_MINUTES;
use crate::client::Client;
use crate::test_env::{SMALL, TestEnv};
use crate::waiting::wait_for;

/// Returns all metrics as text.
fn metrics(client: &Client) -> String {
    let (code, text) = client.get("/metrics");
    let text = text.as_str().unwrap().to_owned();
    assert_eq!(code, 200, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// Returns the value of one series.
fn value(client: &Client, series: &str) -> f64 {
    let text = metrics(client);
    value_in(&text, series).unwrap_or_else(|| panic!("{series} is not in:\n{text}"))
}

fn value_in(text: &str, series: &str) -> Option<f64> {
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Some(found?.parse().unwrap())
}

#[test]
fn what_runs_waits_and_ended_is_counted() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--local-sources"]);
    let client = &running.client;
    let request = test_env.directory_request("terraform", SMALL);
    let first = client.deploy(&request);
    let mut events = client.follow(&first, None);
    events.until_status("awaiting_approval");
    let second = client.deploy(&request);
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
    let mut request = test_env.request("terraform", SMALL);
    request["operation"] = json!("validate");
    let third = client.deploy(&request);
    client.follow(&third, None).until_end();
    let outcome =
        "deployment_outcomes_total{operation=\"deploy\",reason=\"applied\",class=\"none\"}";
    // Ended deployments are counted after they are stored, and their phases are counted last.
    for phase in ["initializing", "init", "plan", "approval", "apply"] {
        let count = format!("iac_runner_phase_duration_seconds_count{{phase=\"{phase}\"}}");
        wait_for("the phase to be counted", WITHIN_MINUTES, || {
            value_in(&metrics(client), &count).filter(|count| *count >= 1.0)
        });
    }
    assert_eq!(series(outcome), 1.0);
    assert_eq!(series("deployments_total{status=\"failed\"}"), 0.0);
    assert!(series("deployments_total{status=\"success\"}") >= 1.0);
    assert!(series("deployment_duration_seconds_count") >= 1.0);

    assert_eq!(client.get("/nowhere").0, 404);
    for called in [
        "method=\"POST\",route=\"/deploy\",status_class=\"2xx\"",
        "method=\"POST\",route=\"/deploy/{id}/cancel\",status_class=\"2xx\"",
        "method=\"GET\",route=\"none\",status_class=\"4xx\"",
    ] {
        let count = format!("response_duration_seconds_count{{{called}}}");
        assert!(series(&count) >= 1.0, "{called}");
    }
    assert_eq!(described(&metrics(client)), documented_metrics());
}

#[test]
fn an_answer_is_measured_up_to_its_beginning() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    // The stream continues, and its response is counted.
    let series = "iac_runner_response_duration_seconds_count\
                  {method=\"GET\",route=\"/deploy/{id}/logs\",status_class=\"2xx\"}";
    assert_eq!(value(client, series), 1.0);
}

/// The type and the labels of each metric, by its name.
type Described = BTreeMap<String, (String, Vec<String>)>;

/// Returns the metrics that the service describes; each must have a series.
fn described(text: &str) -> Described {
    let types = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .map(|(name, kind)| {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let labels = labels(text, name);
            (format!("{name}{suffix}"), (kind.to_owned(), labels))
        })
        .collect()
}

/// Returns the labels of a metric, except the one of histogram buckets.
fn labels(text: &str, metric: &str) -> Vec<String> {
    let mut lines = text.lines();
    let series = lines.find(|line| line.starts_with(metric)).unwrap();
    let Some((_, labels)) = series.split_once('{') else {
        return Vec::new();
    };
    let (labels, _) = labels.rsplit_once('}').unwrap();
    let names = labels.split("\",").map(|it| it.split_once('=').unwrap().0);
    let names = names.filter(|name| *name != "le");
    names.map(str::to_owned).collect()
}

/// Returns the metrics in the table of `docs/service/metrics.md`.
fn documented_metrics() -> Described {
    let documented = include_str!("../../../../docs/service/metrics.md");
    let (_, table) = documented
        .split_once("\n| metric | type | labels | tells |\n")
        .unwrap();
    let rows = table.lines().skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [name, kind, labels, _] = cells[..] else {
                panic!("{row}");
            };
            let code = |text: &str| {
                text.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            (code(name).remove(0), (kind.to_owned(), code(labels)))
        })
        .collect()
}
