//! Logs that are followed for long, slowly, and through every phase.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::access::gate::Gate;
use crate::client::{BOUND, Client, lines};
use crate::test_env::{SMALL, TestEnv};

/// More than the buffers of a connection hold.
const LINES: usize = 80_000;

/// Opens the log of a deployment without reading it.
fn open(client: &Client, id: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(client.address()).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let call = format!("GET /deploy/{id}/logs HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(call.as_bytes()).unwrap();
    BufReader::new(stream)
}

#[test]
fn a_log_is_kept_alive_while_nothing_happens_for_longer_than_a_head_may_take() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--request-timeout", "5s"]);
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    client.follow(&id, None).until_status("awaiting_approval");
    let followed = open(client, &id);
    // A comment, which is not an event.
    let told = followed.lines().map(Result::unwrap).any(|line| line == ":");
    assert!(told, "the stream has ended");
}

#[test]
fn stalled_reader_blocks_no_one_and_gets_every_line_later() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let hcl = format!(
        "resource \"terraform_data\" \"loud\" {{\n  provisioner \"local-exec\" {{\n    \
         command = \"echo ready; while [ ! -e '{}' ]; do sleep 0.05; done; yes {} | head -n {LINES}\"\n  }}\n}}\n",
        test_env.path().join("go").display(),
        "x".repeat(200),
    );
    let mut request = test_env.request("terraform", &hcl);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let mut events = client.follow(&id, None);
    let mut seen = events.until(|event| event.data.contains("ready"));
    let slow = open(client, &id);
    test_env.let_go();
    seen.extend(events.until_end());
    assert_eq!(seen.last().unwrap().json()["reason"], "applied");
    let expected = lines(&seen);
    assert!(expected.len() > LINES);

    let found: Vec<String> = slow
        .lines()
        .map(Result::unwrap)
        .take_while(|line| line != "event: end")
        .filter_map(|line| line.strip_prefix("data: ").map(str::to_owned))
        // Skips the data of status events.
        .filter(|data| !data.starts_with("{\"phase\""))
        .collect();
    assert!(found.iter().eq(expected.iter()), "{} lines", found.len());

    // The text is complete, regardless of its length.
    let text = |query: &str| {
        let answer = client.open(&format!("/deploy/{id}/logs.txt{query}"), None);
        assert_eq!(answer.status(), 200, "{query}");
        let mut text = String::new();
        let mut body = answer.into_body().into_reader();
        body.read_to_string(&mut text).unwrap();
        text
    };
    let whole = text("");
    assert!(whole.lines().eq(expected.iter().copied()));
    let phases = [
        "initializing",
        "cloning",
        "init",
        "plan",
        "apply",
        "completed",
    ];
    let parts = phases.map(|phase| text(&format!("?phase={phase}")));
    assert_eq!(parts.concat(), whole);
    assert!(parts[4].lines().count() > LINES && parts[3].contains("1 to add"));
    for query in ["phase=nonsense", "nonsense=1"] {
        let (code, _) = client.get(&format!("/deploy/{id}/logs.txt?{query}"));
        assert_eq!(code, 400, "{query}");
    }
}

#[test]
fn every_phase_is_told() {
    let test_env = TestEnv::new();
    let gate = Gate::new(test_env.path());
    let running = test_env.serve();
    let client = &running.client;
    let mut request = test_env.request("tofu", SMALL);
    let path = request["env_vars"]["PATH"].as_str().unwrap();
    request["env_vars"]["PATH"] = json!(gate.before(path));
    for command in ["init", "plan", "apply"] {
        gate.hold(command);
    }
    let id = client.deploy(&request);
    let mut events = client.follow(&id, None);
    let mut until = |status: &str, phase: &str| {
        let expected = json!({"status": status, "phase": phase});
        events.until(|event| event.kind == "status" && event.json() == expected);
    };
    for command in ["init", "plan"] {
        until("running", command);
        gate.let_go(command);
    }
    until("awaiting_approval", "plan");
    let (code, answer) = client.post(&format!("/deploy/{id}/approve"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    until("running", "apply");
    // While a log grows, its text is what exists so far.
    let (code, text) = client.get(&format!("/deploy/{id}/logs.txt?phase=plan"));
    assert_eq!(code, 200);
    assert!(text.as_str().unwrap().contains("1 to add"), "{text}");
    gate.let_go("apply");
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "applied"
    );
}
