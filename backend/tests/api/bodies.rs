//! Bodies that cannot be.

use serde_json::{Value, json};

use crate::stand::{SMALL, Stand};

#[test]
fn a_body_that_cannot_be_is_told_with_every_fault() {
    let stand = Stand::new();
    let running = stand.serve();
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
fn what_is_no_json_too_large_or_nowhere_is_refused() {
    let stand = Stand::new();
    let running = stand.serve();
    let client = &running.client;
    let json = "application/json";
    let deep = "[".repeat(200_000);
    let large = format!("{{\"tool\": \"{}\"}}", "x".repeat(17 * 1024 * 1024));
    let table = [
        ("/deploy", json, "", 400),
        ("/deploy", json, "hunter2", 400),
        ("/deploy", json, deep.as_str(), 400),
        ("/deploy", json, large.as_str(), 413),
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
        "/audit?cursor=-1",
    ] {
        assert_eq!(client.get(path).0, 400, "{path}");
    }
    // The service is as it was.
    client.deploy(&stand.request("terraform", SMALL));
}
