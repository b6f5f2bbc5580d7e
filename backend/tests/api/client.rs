//! A client of the API, and one that follows events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::access::gate::WITHIN_MINUTES;
use crate::waiting::wait_for;

/// Longer than any request takes on a busy machine, including one that follows a deployment to its end.
pub(crate) const BOUND: Duration = Duration::from_secs(600);

/// A client, with a key or without.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    key: Option<String>,
}

/// A response: the status, and the body if it is JSON.
pub(crate) type Answer = (u16, Value);

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(BOUND))
            // The service closes connections that are idle for ten seconds: a request on one may come too late.
            .max_idle_connections(0);
        Self {
            agent: config.build().into(),
            base: base.to_owned(),
            key: None,
        }
    }

    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the address that the service listens on.
    pub(crate) fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// Sends raw bytes, and returns everything received until the service closes the connection.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a request without a body, or with an empty object, depending on the method.
    pub(crate) fn call(&self, method: &str, path: &str) -> Answer {
        match method {
            "GET" => self.get(path),
            "POST" => self.post(path, &serde_json::json!({})),
            _ => panic!("no endpoint has the method {method}"),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        answer(self.open(path, None))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, "application/json", body.to_string().as_bytes())
    }

    /// Approves or rejects after a restart. The response is 409 until the new service has recovered the session,
    /// although the status is that of the previous service.
    pub(crate) fn decide_once_taken_up(&self, id: &str, decision: &str) {
        let path = format!("/deploy/{id}/{decision}");
        wait_for("the session to be taken up", WITHIN_MINUTES, || {
            let (code, answer) = self.post(&path, &json!({}));
            assert!(matches!(code, 200 | 409), "{code} {answer}");
            (code == 200).then_some(())
        });
    }

    pub(crate) fn post_raw(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        request = request.header("content-type", kind);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        answer(request.send(body).unwrap())
    }

    /// Sends a request whose response may not come, because the service is killed.
    pub(crate) fn try_post(&self, path: &str) {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        request = request.header("content-type", "application/json");
        let _ = request.send("{}");
    }

    /// Starts a deployment and returns its id.
    pub(crate) fn deploy(&self, body: &Value) -> String {
        let (status, answer) = self.post("/deploy", body);
        assert_eq!(status, 202, "{answer}");
        assert_eq!(answer["message"], "Deployment started");
        assert_eq!(answer["status"], "running");
        answer["deployment_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn status(&self, id: &str) -> Value {
        let (status, answer) = self.get(&format!("/deploy/{id}/status"));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Follows a deployment from the line after `last`.
    pub(crate) fn follow(&self, id: &str, last: Option<&str>) -> Events {
        let response = self.open(&format!("/deploy/{id}/logs"), last);
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Events {
            lines: BufReader::new(Box::new(response.into_body().into_reader())),
        }
    }

    /// Sends a request as a page of an origin would.
    pub(crate) fn open_as_page(&self, path: &str, origin: &str) -> Response<Body> {
        let request = self.agent.get(format!("{}{path}", self.base));
        request.header("origin", origin).call().unwrap()
    }

    pub(crate) fn open(&self, path: &str, last: Option<&str>) -> Response<Body> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.call().unwrap()
    }
}

fn answer(mut response: Response<Body>) -> Answer {
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

/// The events of a deployment, as an `EventSource` receives them.
pub(crate) struct Events {
    lines: BufReader<Box<dyn Read>>,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

impl Events {
    /// Reads up to the wanted event, and returns all events read.
    pub(crate) fn until(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut seen: Vec<Event> = Vec::new();
        loop {
            let Some(event) = self.next() else {
                panic!("the events ended before the one that was waited for: {seen:#?}");
            };
            seen.push(event);
            if seen.last().is_some_and(&is_wanted) {
                return seen;
            }
        }
    }

    /// Reads up to a status event with this status.
    pub(crate) fn until_status(&mut self, status: &str) -> Vec<Event> {
        self.until(|event| event.kind == "status" && event.json()["status"] == status)
    }

    /// Reads up to the last event, which says how the deployment ended.
    pub(crate) fn until_end(&mut self) -> Vec<Event> {
        self.until(|event| event.kind == "end")
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        let mut data: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            // When the service ends, a stream ends in the middle.
            if self.lines.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            let line = line.trim_end_matches('\n');
            match line.split_once(':') {
                // As in a browser, an event without data is ignored.
                _ if line.is_empty() && !data.is_empty() => {
                    event.data = data.join("\n");
                    return Some(event);
                }
                _ if line.is_empty() => event = Event::default(),
                Some(("event", value)) => value.trim().clone_into(&mut event.kind),
                Some(("id", value)) => value.trim().clone_into(&mut event.id),
                Some(("data", value)) => {
                    data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Returns the log lines among the events.
pub(crate) fn lines(events: &[Event]) -> Vec<&str> {
    let lines = events.iter().filter(|event| event.kind == "log");
    lines.map(|event| event.data.as_str()).collect()
}
