//! A client of the service.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::bench_env::Service;

/// Longer than any operation here takes.
const BOUND: Duration = Duration::from_secs(600);

pub struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    pub fn of(service: &Service) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(BOUND));
        Self {
            agent: config.build().into(),
            base: format!("http://{}", service.address),
        }
    }

    /// Starts a deployment and returns its id.
    pub fn deploy(&self, request: &Value) -> String {
        let sent = self
            .agent
            .post(format!("{}/deploy", self.base))
            .send_json(request);
        let mut answer = sent.expect("it is taken");
        let answer: Value = answer.body_mut().read_json().expect("JSON");
        answer["deployment_id"].as_str().expect("a name").to_owned()
    }

    /// Waits for an event of a deployment that contains a text, and returns its data.
    pub fn wait_for(&self, id: &str, event: &str, text: &str) -> String {
        let asked = self
            .agent
            .get(format!("{}/deploy/{id}/logs", self.base))
            .call();
        let events = BufReader::new(asked.expect("it is there").into_body().into_reader());
        let mut kind = String::new();
        for line in events.lines() {
            let line = line.expect("the events go on");
            if let Some(now) = line.strip_prefix("event: ") {
                now.clone_into(&mut kind);
            } else if kind == event && line.starts_with("data: ") && line.contains(text) {
                return line;
            }
        }
        panic!("the events ended before `{event}` with `{text}`");
    }
}
