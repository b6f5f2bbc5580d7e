//! A real `EventSource` follows the log of a deployment.

use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::bounded::end_of;
use crate::client::{BOUND, lines};
use crate::test_env::TestEnv;

/// A Node.js process with an `EventSource`; it ends with its stdin.
struct Page {
    child: Child,
    told: Receiver<Value>,
}

impl Page {
    fn open(address: &str) -> Self {
        let folder = env!("CARGO_MANIFEST_DIR");
        let mut child = Command::new("node")
            .arg(format!("{folder}/tests/event_source.cjs"))
            .arg(address)
            .env(
                "NODE_PATH",
                format!("{folder}/../.tools/eventsource/node_modules"),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, told) = channel();
        let said: Lines<BufReader<ChildStdout>> =
            BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                // The receiver is gone if the test has failed.
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, told }
    }

    /// Returns what the page reports up to a wanted report.
    fn until(&self, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(&is_wanted) {
            let told = self.told.recv_timeout(BOUND);
            seen.push(told.unwrap_or_else(|_| panic!("nothing came after {seen:#?}")));
        }
        seen
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns an address that stays free while no one listens: the system does not assign its port to other processes.
fn address_of_its_own() -> String {
    let given_out = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let lowest: u32 = given_out
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    // Other tests may do the same at this moment: each starts at another port.
    let places = lowest - 10_000;
    let ports = (0..places).map(|n| 10_000 + (std::process::id() + n) % places);
    ports
        .map(|port| format!("127.0.0.1:{port}"))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

#[test]
fn an_event_source_sees_every_line_once_through_a_restart_and_stays_away_after_the_end() {
    let test_env = TestEnv::new();
    let address = address_of_its_own();
    let running = test_env.serve_with(&["--listen", &address]);
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut page = Page::open(&format!("http://{address}/deploy/{id}/logs"));
    let is_in_flight = |told: &Value| {
        told["data"]
            .as_str()
            .is_some_and(|it| it.contains("(local-exec)"))
    };
    let before = page.until(is_in_flight);
    running.stop();
    let broken = page.until(|told| told["type"] == "error");
    assert_eq!(broken.last().unwrap()["closed"], false);

    // It reconnects by itself, with the id of the last line that it received.
    let running = test_env.serve_with(&["--listen", &address]);
    test_env.let_go();
    let rest = page.until(|told| told["type"] == "end");
    let end: Value = serde_json::from_str(rest.last().unwrap()["data"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&end["status"], &end["reason"]),
        (&json!("success"), &json!("applied"))
    );
    let logged: Vec<_> = [before, broken, rest].concat();
    let logged: Vec<_> = logged.iter().filter(|told| told["type"] == "log").collect();
    let all = running.client.follow(&id, None).until_end();
    let seen: Vec<_> = logged
        .iter()
        .map(|told| told["data"].as_str().unwrap())
        .collect();
    assert_eq!(seen, lines(&all));
    for (number, told) in logged.iter().enumerate() {
        assert_eq!(told["id"], number.to_string());
    }

    // After the end it reconnects once more, and gets 204.
    let away = page.until(|told| told["closed"] == true);
    assert_eq!(away.last().unwrap()["code"], 204);
    assert!(end_of(&mut page.child).success());
}
