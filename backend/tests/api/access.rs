//! Who may do what.

use serde_json::json;

use crate::client::Client;
use crate::stand::Stand;

#[test]
fn every_endpoint_admits_the_roles_of_the_table() {
    let stand = Stand::new();
    let keys = ["viewer", "deployer", "approver", "admin"].map(|role| stand.key(role, role));
    let running = stand.serve();
    let nobody = &running.client;
    // Nothing is there, so whoever is admitted is told so, or that the body is none.
    let id = "/deploy/00000000-0000-4000-8000-000000000000";
    let of = |rest: &str| format!("{id}{rest}");
    let table = [
        ("GET", "/deploy".to_owned(), 200, [true, true, true, true]),
        ("GET", of("/status"), 404, [true, true, true, true]),
        ("GET", of("/plan"), 404, [true, true, true, true]),
        ("GET", of("/outputs"), 404, [true, true, true, true]),
        ("GET", of("/logs"), 404, [true, true, true, true]),
        ("GET", of("/logs.txt"), 404, [true, true, true, true]),
        ("POST", of("/ticket"), 200, [true, true, true, true]),
        (
            "POST",
            "/deploy".to_owned(),
            400,
            [false, true, false, true],
        ),
        ("POST", of("/cancel"), 404, [false, true, false, true]),
        ("POST", of("/retry"), 404, [false, true, false, true]),
        (
            "POST",
            of("/force-cancel"),
            404,
            [false, false, false, true],
        ),
        ("POST", of("/approve"), 404, [false, false, true, true]),
        ("POST", of("/reject"), 404, [false, false, true, true]),
        ("GET", "/audit".to_owned(), 200, [false, false, false, true]),
    ];
    for (method, path, admitted, roles) in table {
        let call = |client: &Client| match method {
            "GET" => client.get(&path),
            _ => client.post(&path, &json!({})),
        };
        let (code, answer) = call(nobody);
        assert_eq!(
            (code, &answer["code"]),
            (401, &json!("unauthorized")),
            "{path}"
        );
        assert_eq!(
            call(&nobody.with_key("iac_000000000000_x")).0,
            401,
            "{path}"
        );
        for (key, may) in keys.iter().zip(roles) {
            let (code, answer) = call(&nobody.with_key(key));
            let expected = if may { admitted } else { 403 };
            assert_eq!(code, expected, "{method} {path}: {answer}");
        }
    }
    assert_eq!(nobody.get("/health").0, 200);
    assert_eq!(nobody.get("/health/ready").0, 200);
}

#[test]
fn a_revoked_key_opens_nothing() {
    let stand = Stand::new();
    let key = stand.key("ann", "admin");
    let running = stand.serve();
    let client = running.client.with_key(&key);
    assert_eq!(client.get("/deploy").0, 200);
    let id = key.split('_').nth(1).unwrap();
    assert!(stand.run(&["keys", "revoke", id]).status.success());
    assert_eq!(client.get("/deploy").0, 401);
    assert!(!stand.run(&["keys", "revoke", id]).status.success());
    // The last key is gone, and the service is not open to all for that.
    assert_eq!(running.client.get("/deploy").0, 401);
}

#[test]
fn a_ticket_opens_the_log_of_one_deployment() {
    let stand = Stand::new();
    let key = stand.key("ann", "admin");
    let running = stand.serve();
    let client = running.client.with_key(&key);
    let mut request = stand.request("terraform", "output \"a\" { value = 1 }");
    request["operation"] = json!("validate");
    let id = client.deploy(&request);
    let (code, answer) = client.post(&format!("/deploy/{id}/ticket"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    let ticket = answer["ticket"].as_str().unwrap();
    let open = |id: &str, ticket: &str| {
        let path = format!("/deploy/{id}/logs?ticket={ticket}");
        running.client.open(&path, None).status().as_u16()
    };
    assert_eq!(open(&id, ticket), 200);
    assert_eq!(open(&id, "other"), 401);
    assert_eq!(open("00000000-0000-4000-8000-000000000000", ticket), 401);
}

#[test]
fn who_starts_may_not_approve_by_the_rule() {
    let stand = Stand::new();
    let (ann, bob) = (stand.key("ann", "admin"), stand.key("bob", "approver"));
    let running = stand.serve_with(&["--starter-may-approve=false"]);
    let ann = running.client.with_key(&ann);
    let bob = running.client.with_key(&bob);
    let id = ann.deploy(&stand.request("terraform", crate::stand::SMALL));
    let mut events = ann.follow(&id, None);
    events.until_status("awaiting_approval");
    let path = format!("/deploy/{id}/approve");
    let (code, answer) = ann.post(&path, &json!({}));
    assert_eq!((code, &answer["code"]), (403, &json!("forbidden")));
    assert_eq!(bob.post(&path, &json!({})).0, 200);
    assert_eq!(
        events.until_end().last().unwrap().json()["status"],
        "success"
    );
    let (_, audit) = ann.get(&format!("/audit?deployment={id}"));
    let actors: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["actor"])
        .collect();
    assert_eq!(actors, ["bob", "ann"]);
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let stand = Stand::new();
    let running = stand.serve_with(&["--allowed-origins", "https://a.example"]);
    for (origin, code, allowed) in [
        ("https://a.example", 200, Some("https://a.example")),
        ("https://b.example", 403, None),
    ] {
        let answer = running.client.open_as_page("/deploy", origin);
        assert_eq!(answer.status(), code, "{origin}");
        let header = answer.headers().get("access-control-allow-origin");
        assert_eq!(header.map(|it| it.to_str().unwrap()), allowed);
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}
