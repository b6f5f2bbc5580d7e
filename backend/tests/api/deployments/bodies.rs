//! Invalid bodies.

use serde_json::{Value, json};

use crate::test_env::{SMALL, TestEnv};

#[test]
fn a_body_that_cannot_be_is_told_with_every_fault() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let fields = |body: &Value| {
        let (code, answer) = client.post("/deploy", body);
        assert_eq!(
            (code, &answer["code"]),
            (400, &json!("invalid_request")),
            "{answer}"
        );
        assert!(answer["error"].is_string() && !answer.to_string().contains("hunter2"));
        let fields = answer["fields"].as_array().unwrap().iter();
        fields
            .map(|it| it["field"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&json!({})), ["tool", "git_url", "git_ref"]);
    let bad = json!({
        "tool": "hunter2", "git_url": "https://h/a", "git_ref": "main",
        "path": "../..", "timeout": -1, "nonsense": 1,
    });
    assert_eq!(fields(&bad), ["tool", "path", "timeout", "nonsense"]);
    let local = |source: Value| {
        let mut body = source;
        body["tool"] = json!("terraform");
        fields(&body)
    };
    assert_eq!(
        local(json!({"source": {"directory": "/etc"}})),
        ["source.directory"]
    );
    for url in ["/srv/repository", "file:///srv/repository"] {
        assert_eq!(
            local(json!({"git_url": url, "git_ref": "main"})),
            ["git_url"],
            "{url}"
        );
    }
}

#[test]
fn refusals_of_a_source_say_what_would_do() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let table = [
        (json!({}), "unless `source` is given"),
        (
            json!({"source": {"directory": "/etc"}}),
            "`work.local_sources` (--local-sources)",
        ),
        (
            json!({"git_url": "/srv/a", "git_ref": "main"}),
            "`work.local_sources` (--local-sources)",
        ),
    ];
    for (mut body, expected) in table {
        body["tool"] = json!("terraform");
        let (code, answer) = running.client.post("/deploy", &body);
        assert_eq!(code, 400, "{answer}");
        let fields = answer["fields"].to_string();
        assert!(fields.contains(expected), "{fields}");
    }
}

#[test]
fn sources_that_hold_the_service_are_refused() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--local-sources"]);
    let data = test_env.root().join("data");
    let sessions = data.join("sessions");
    let another = sessions.join("another");
    std::fs::create_dir_all(&another).unwrap();
    for (directory, expected) in [
        (test_env.root().to_owned(), "contains"),
        (data, "contains"),
        (sessions.clone(), "contains"),
        (another, "is in"),
        ("/etc".into(), "contains"),
        ("/".into(), "contains"),
    ] {
        let source = json!({"directory": directory});
        let body = json!({"tool": "terraform", "source": source});
        let (code, answer) = running.client.post("/deploy", &body);
        assert_eq!(code, 400, "{answer}");
        let told = answer["fields"].to_string();
        assert!(told.contains(expected), "{}: {told}", directory.display());
    }
    let url = format!("file://{}", sessions.display());
    let body = json!({"tool": "terraform", "git_url": url, "git_ref": "main"});
    let (code, answer) = running.client.post("/deploy", &body);
    assert_eq!(code, 400, "{answer}");
}

#[test]
fn what_a_checkout_would_refuse_is_refused_at_once() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let table = [
        ("git_url", "FILE:///srv/repository"),
        ("git_url", "HTTPS://example.com/a"),
        ("git_url", "ssh://%2doProxyCommand=x/a"),
        ("ssh", "ssh://git@example.com/a"),
        ("ssh", "git@example.com:a"),
    ];
    for (field, url) in table {
        let body = json!({"tool": "tofu", "git_url": url, "git_ref": "main"});
        let (code, answer) = running.client.post("/deploy", &body);
        assert_eq!(code, 400, "{url}: {answer}");
        assert_eq!(answer["fields"][0]["field"], field, "{url}: {answer}");
    }
    let variables = [
        ("TF_CLI_ARGS_init", "`init_flags`"),
        ("TF_CLI_ARGS_plan", "`plan_flags`"),
        ("TF_CLI_ARGS_apply", "`apply_flags`"),
    ];
    for (name, field) in variables {
        let mut body = test_env.request("tofu", SMALL);
        body["env_vars"][name] = json!("-no-color");
        let (code, answer) = running.client.post("/deploy", &body);
        assert_eq!(code, 400, "{name}: {answer}");
        let problem = answer["fields"][0]["problem"].as_str().unwrap();
        assert!(problem.contains(field), "{name}: {answer}");
    }
    let body = format!("\u{feff}{}", test_env.request("tofu", SMALL));
    let (code, answer) = running
        .client
        .post_raw("/deploy", "application/json", body.as_bytes());
    assert_eq!(code, 202, "a byte order mark: {answer}");
}

#[test]
fn what_is_no_json_too_large_or_nowhere_is_refused() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let json = "application/json";
    let deep = "[".repeat(200_000);
    let large = format!("{{\"tool\": \"{}\"}}", "x".repeat(17 * 1024 * 1024));
    let table = [
        ("/deploy", json, "", 400),
        ("/deploy", json, "hunter2", 400),
        ("/deploy", json, deep.as_str(), 400),
        ("/deploy", json, large.as_str(), 413),
        ("/deploy", json, "[]", 400),
        ("/deploy", json, "null", 400),
        ("/deploy", json, "1e999", 400),
        ("/deploy", json, r#"{"tool": "tofu", "tool": "tofu"}"#, 400),
        ("/deploy", json, r#"{"tool": "tofu"} {}"#, 400),
        ("/deploy", json, "\u{feff}{}", 400),
        ("/deploy/nonsense/retry", json, deep.as_str(), 400),
        ("/deploy/nonsense/retry", json, large.as_str(), 413),
        ("/deploy/nonsense/approve", json, deep.as_str(), 400),
        (
            "/deploy/nonsense/reject",
            json,
            r#"{"comment": "", "comment": ""}"#,
            400,
        ),
        ("/deploy/nonsense/reject", json, r#"{"comment": 1}"#, 400),
        ("/deploy", "text/plain", "{}", 415),
        ("/deploy/nonsense/approve", json, "{}", 404),
        ("/deploy/nonsense/approve", json, "[1]", 400),
        ("/health", json, "{}", 405),
        ("/nowhere", json, "{}", 404),
    ];
    for (path, kind, body, expected) in table {
        let (code, answer) = client.post_raw(path, kind, body.as_bytes());
        assert_eq!(code, expected, "{path}: {answer}");
        assert!(
            answer["code"].is_string() && answer["error"].is_string(),
            "{answer}"
        );
    }
    for path in [
        "/deploy?status=hunter2",
        "/deploy?nonsense=1",
        "/deploy?limit=0",
        "/deploy?limit=501",
        "/deploy?since=yesterday",
        "/audit?cursor=-1",
        "/audit?limit=1001",
        "/audit?deployment=nonsense",
    ] {
        assert_eq!(client.get(path).0, 400, "{path}");
    }
    // The service still works.
    client.deploy(&test_env.request("terraform", SMALL));
}

#[test]
fn a_body_that_lies_about_itself_is_refused() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let json = "Content-Type: application/json\r\nConnection: close\r\n";
    let call = |path: &str, headers: &str, body: &[u8]| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{json}{headers}\r\n");
        let answer = running.client.send_bytes(&[head.as_bytes(), body].concat());
        let status = answer.split(' ').nth(1).map(str::to_owned);
        status.unwrap_or_else(|| panic!("{path} {headers}: no answer"))
    };
    let table: [(&str, &[u8], &str); 8] = [
        // Shorter than the body: the rest belongs to no request.
        ("Content-Length: 1\r\n", b"{}", "400"),
        ("Content-Length: 10\r\n", b"{\"tool\":\"\xff", "400"),
        ("Content-Length: many\r\n", b"{}", "400"),
        ("Content-Length: -1\r\n", b"{}", "400"),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", b"{}", "400"),
        ("Transfer-Encoding: chunked\r\n", b"nonsense\r\n", "400"),
        (
            "Transfer-Encoding: chunked\r\n",
            b"2\r\n{}\r\n0\r\n\r\n",
            "400",
        ),
        ("Transfer-Encoding: gzip\r\n", b"{}", "400"),
    ];
    for (headers, body, expected) in table {
        assert_eq!(
            call("/deploy", headers, body),
            expected,
            "{headers} {body:?}"
        );
    }
    assert_eq!(running.client.get("/health").0, 200);
}

#[test]
fn what_is_refused_does_not_come_into_the_log_of_the_service() {
    let test_env = TestEnv::new();
    let key = test_env.key("ann", "admin");
    let log = test_env.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let running = test_env.start(test_env.command(&["serve"]).stderr(file));
    let client = running.client.with_key(&key);
    let secret = "hunter2-of-a-body";
    let bodies = [
        secret.to_owned(),
        format!("{{\"{secret}\": 1}}"),
        format!("{{\"env_vars\": {{\"A\": \"{secret}\"}}, \"tool\": \"{secret}\"}}"),
        format!("{{\"git_auth\": {{\"password\": \"{secret}"),
    ];
    for body in &bodies {
        for path in ["/deploy", "/deploy/x/approve", "/deploy/x/retry"] {
            let (code, _) = client.post_raw(path, "application/json", body.as_bytes());
            assert_eq!(code, 400, "{path} {body}");
        }
    }
    assert_eq!(client.get(&format!("/deploy?status={secret}")).0, 400);
    assert_eq!(client.get(&format!("/deploy/{secret}/status")).0, 404);
    assert_eq!(
        client
            .with_key(&format!("iac_000000000000_{secret}"))
            .get("/deploy")
            .0,
        401
    );
    running.stop();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("listening") && !log.contains(secret), "{log}");
}

#[test]
fn a_connection_ends_with_a_body_that_was_refused() {
    let test_env = TestEnv::new();
    test_env.key("ann", "admin");
    let running = test_env.serve();
    let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    for path in [
        "/deploy",
        "/deploy/x/cancel",
        "/deploy/x/approve",
        "/nowhere",
        "/health",
    ] {
        // It reads until the service closes the connection.
        let answer = running
            .client
            .send_bytes(format!("POST {path} {head}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(
            answer.contains("\r\nconnection: close\r\n"),
            "{path}: {answer}"
        );
    }
}
