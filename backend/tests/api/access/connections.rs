//! Connections that are slow, idle, or too many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{BOUND, Client};
use crate::test_env::{SMALL, TestEnv};

/// The beginning of a request head.
const BEGUN: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n";
/// A request that keeps its connection open.
const CALL: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A raw connection.
struct Connection {
    stream: TcpStream,
}

impl Connection {
    fn open(client: &Client) -> Self {
        let stream = TcpStream::connect(client.address()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        Self { stream }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a request, and reads its response.
    fn call(&mut self) {
        self.send(CALL);
        let mut answer = Vec::new();
        while !answer.ends_with(b"{\"status\":\"healthy\"}") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    }

    /// Reads until the service closes the connection, and returns what was received.
    fn until_closed(&mut self) -> String {
        let mut answer = Vec::new();
        match self.stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // The service did not read the last bytes sent.
            Err(fault) if fault.kind() == ErrorKind::ConnectionReset => {}
            Err(fault) => panic!("it is not closed: {fault}"),
        }
        String::from_utf8(answer).unwrap()
    }
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--request-timeout", "2s"]);
    // Before the service can know about the connection.
    let begun = Instant::now();
    let mut connection = Connection::open(&running.client);
    connection.send(BEGUN);
    let mut trickle = connection.stream.try_clone().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Never silent for as long as a head may take.
            while !is_over.load(Ordering::Relaxed) && trickle.write_all(b"X").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        let answer = connection.until_closed();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(answer, "");
    });
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(running.client.get("/health").0, 200);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--request-timeout", "1s"]);
    assert_eq!(Connection::open(&running.client).until_closed(), "");
}

#[test]
fn a_connection_is_kept_for_the_next_call_and_closed_when_none_comes() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--request-timeout", "5s"]);
    let mut connection = Connection::open(&running.client);
    let mut last_begun = Instant::now();
    for _ in 0..3 {
        last_begun = Instant::now();
        connection.call();
    }
    assert_eq!(connection.until_closed(), "");
    // Each request had its own time.
    assert!(last_begun.elapsed() >= Duration::from_secs(5));
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let mut connection = Connection::open(&running.client);
    connection.send(BEGUN);
    connection.send(b"X-Long: ");
    // Exactly as many bytes as the service reads: unread bytes would make it lose its response.
    connection.send(&vec![b'x'; 64 * 1024 - BEGUN.len() - "X-Long: ".len()]);
    let answer = connection.until_closed();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn connections_beyond_the_limit_wait_until_one_ends() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--max-connections", "2"]);
    let mut open = [(); 2].map(|()| Connection::open(&running.client));
    for connection in &mut open {
        connection.call();
    }
    // The system accepts the connection, but the service does not.
    let mut third = Connection::open(&running.client);
    third.send(CALL);
    let wait = Duration::from_millis(500);
    third.stream.set_read_timeout(Some(wait)).unwrap();
    let fault = third.stream.peek(&mut [0]).unwrap_err();
    assert!(
        matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{fault}"
    );
    third.stream.set_read_timeout(Some(BOUND)).unwrap();
    let [first, mut second] = open;
    second.call();
    drop(first);
    assert_ne!(third.stream.peek(&mut [0]).unwrap(), 0);
}

#[test]
fn a_stop_closes_connections_that_are_not_in_use_and_answers_the_call_under_way() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    client.follow(&id, None).until_status("awaiting_approval");
    let mut idle = Connection::open(client);
    idle.call();
    let body = json!({}).to_string();
    let mut busy = Connection::open(client);
    let head = format!(
        "POST /deploy/{id}/reject HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    busy.send(head.as_bytes());
    // The service says that it waits for the body, so the request is in progress.
    let mut go_on = [0; 25];
    busy.stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    running.ask_to_stop();
    assert_eq!(idle.until_closed(), "");
    busy.send(body.as_bytes());
    let answer = busy.until_closed();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.ends_with("{\"message\":\"Deployment rejected\"}"),
        "{answer}"
    );
    running.ended();
}

#[test]
fn connections_that_say_nothing_do_not_keep_others_out() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--max-connections", "300"]);
    // Half of them send something, and nothing more.
    let mut open: Vec<Connection> = Vec::new();
    for number in 0..600 {
        let mut connection = Connection::open(&running.client);
        if number % 2 == 0 {
            let _ = connection.stream.write_all(BEGUN);
        }
        open.push(connection);
    }
    Connection::open(&running.client).call();
    // The first ones were closed.
    assert_eq!(open[0].until_closed(), "");
    // A client that sends requests on kept connections is not affected.
    for _ in 0..300 {
        let mut connection = Connection::open(&running.client);
        connection.call();
        open.push(connection);
    }
    Connection::open(&running.client).call();
}

#[test]
fn a_log_that_is_followed_is_not_silent() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    let open: Vec<_> = (0..400).map(|_| Connection::open(client)).collect();
    Connection::open(client).call();
    let (code, _) = client.post(&format!("/deploy/{id}/reject"), &json!({}));
    assert_eq!(code, 200);
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "rejected"
    );
    drop(open);
}
