//! A service without keys, and the `Host` header.

use crate::test_env::TestEnv;

#[test]
fn without_keys_foreign_pages_are_served_only_if_that_is_asked_for() {
    let test_env = TestEnv::new();
    for origins in ["*", "https://a.example", "http://localhost:3000,null"] {
        let refused = test_env.run(&["serve", "--allowed-origins", origins]);
        assert_eq!(refused.status.code(), Some(1), "{origins}");
        let text = String::from_utf8_lossy(&refused.stderr);
        for part in [
            "there are no keys",
            "server.allowed_origins",
            "keys create",
            "--insecure",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        drop(test_env.serve_with(&["--insecure", "--allowed-origins", origins]));
    }
    // Pages of this machine are not foreign.
    let origin = "http://localhost:3000";
    let running = test_env.serve_with(&["--allowed-origins", origin]);
    let page = running.client.open_as_page("/deploy", origin);
    assert_eq!(page.status(), 200);
    drop(running);
    test_env.key("ann", "admin");
    drop(test_env.serve_with(&["--allowed-origins", "*"]));
}

#[test]
fn a_call_that_names_no_host_or_two_is_refused() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let here = running.client.address();
    let local = "Host: localhost\r\n".to_owned();
    let evil = "Host: evil.example\r\n".to_owned();
    let table = [
        ("/deploy", local.clone(), 200),
        ("/deploy", format!("{local}{local}"), 400),
        ("/deploy", format!("{local}{evil}"), 400),
        ("/deploy", format!("{evil}{local}"), 400),
        ("/health", format!("{local}{}", evil.to_lowercase()), 400),
        ("/deploy", String::new(), 400),
        ("http://evil.example/deploy", local, 400),
        ("http://localhost/deploy", evil, 400),
        (
            &format!("http://{here}/deploy"),
            format!("Host: {here}\r\n"),
            200,
        ),
    ];
    for (target, hosts, expected) in table {
        let call = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = running.client.send_bytes(call.as_bytes());
        let head = format!("HTTP/1.1 {expected} ");
        assert!(answer.starts_with(&head), "{call}{answer}");
    }
    let probe = b"GET /health/ready HTTP/1.0\r\n\r\n";
    let probe = running.client.send_bytes(probe);
    assert!(probe.starts_with("HTTP/1.0 200 "), "{probe}");
    let preflight = "OPTIONS /deploy HTTP/1.1\r\nHost: a\r\nHost: b\r\nOrigin: http://a\r\n\
                     Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    let answer = running.client.send_bytes(preflight.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn two_keys_in_one_call_are_none() {
    let test_env = TestEnv::new();
    let (ann, bob) = (test_env.key("ann", "admin"), test_env.key("bob", "viewer"));
    let running = test_env.serve();
    let call = format!(
        "GET /deploy HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {ann}\r\nX-Api-Key: {bob}\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = running.client.send_bytes(call.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
