//! Roles and permissions.

use std::collections::BTreeSet;

use serde_json::json;

use crate::operation::contract;
use crate::test_env::TestEnv;

/// Every endpoint with its least role in the words of the OpenAPI document, and the status for a permitted caller if
/// the deployment does not exist or the body is not valid.
const ENDPOINTS: [(&str, &str, &str, u16); 20] = [
    ("GET", "/health", "none", 200),
    ("GET", "/health/live", "none", 200),
    ("GET", "/health/ready", "none", 200),
    ("GET", "/openapi.json", "none", 200),
    ("GET", "/metrics", "viewer", 200),
    ("GET", "/audit", "admin", 200),
    ("GET", "/deploy", "viewer", 200),
    ("POST", "/deploy", "deployer", 400),
    ("GET", "/deploy/{id}/status", "viewer", 404),
    ("GET", "/deploy/{id}/plan", "viewer", 404),
    ("GET", "/deploy/{id}/outputs", "viewer", 404),
    ("GET", "/deploy/{id}/logs", "viewer", 404),
    ("GET", "/deploy/{id}/logs.txt", "viewer", 404),
    ("POST", "/deploy/{id}/ticket", "viewer", 200),
    ("POST", "/deploy/{id}/cancel", "deployer", 404),
    ("POST", "/deploy/{id}/force-cancel", "admin", 404),
    ("POST", "/deploy/{id}/retry", "deployer", 404),
    ("POST", "/deploy/{id}/approve", "approver", 404),
    ("POST", "/deploy/{id}/reject", "approver", 404),
    ("GET", "/docs/", "none", 200),
];

/// Returns for each role whether it is enough where this one is required.
fn enough(least: &str) -> [(&'static str, bool); 4] {
    let may = match least {
        "none" | "viewer" => [true, true, true, true],
        "deployer" => [false, true, false, true],
        "approver" => [false, false, true, true],
        "admin" => [false, false, false, true],
        _ => panic!("there is no role {least}"),
    };
    let roles = ["viewer", "deployer", "approver", "admin"];
    std::array::from_fn(|n| (roles[n], may[n]))
}

#[test]
fn every_endpoint_admits_the_roles_of_the_table() {
    let test_env = TestEnv::new();
    let keys = enough("none").map(|(role, _)| (role, test_env.key(role, role)));
    let revoked = test_env.key("gone", "admin");
    let id = revoked.split('_').nth(1).unwrap();
    assert!(test_env.run(&["keys", "revoke", id]).status.success());
    let running = test_env.serve();
    let anonymous = &running.client;
    for (method, path, least, admitted) in ENDPOINTS {
        let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
        let expected = if least == "none" { admitted } else { 401 };
        for stranger in ["iac_000000000000_x", "nonsense", &revoked] {
            let (code, answer) = anonymous.with_key(stranger).call(method, &path);
            assert_eq!(code, expected, "{method} {path} with {stranger}: {answer}");
        }
        let (code, answer) = anonymous.call(method, &path);
        assert_eq!(code, expected, "{method} {path}: {answer}");
        if expected == 401 {
            assert_eq!(answer["code"], "unauthorized");
        }
        for ((role, may), (_, key)) in enough(least).into_iter().zip(&keys) {
            let (code, answer) = anonymous.with_key(key).call(method, &path);
            let expected = if may { admitted } else { 403 };
            assert_eq!(code, expected, "{method} {path} as {role}: {answer}");
        }
    }
}

#[test]
fn the_table_of_endpoints_is_that_of_the_document() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let described = contract::endpoints(&running.client);
    let table = ENDPOINTS.iter().filter(|it| it.1 != "/docs/");
    let table: BTreeSet<_> = table
        .map(|(method, path, least, _)| [*method, *path, *least].map(str::to_owned))
        .collect();
    assert_eq!(table, described);
}

#[test]
fn a_revoked_key_opens_nothing() {
    let test_env = TestEnv::new();
    let key = test_env.key("ann", "admin");
    let running = test_env.serve();
    let client = running.client.with_key(&key);
    assert_eq!(client.get("/deploy").0, 200);
    let id = key.split('_').nth(1).unwrap();
    assert!(test_env.run(&["keys", "revoke", id]).status.success());
    assert_eq!(client.get("/deploy").0, 401);
    assert!(!test_env.run(&["keys", "revoke", id]).status.success());
    // The last key is revoked, but that does not open the service to everyone.
    assert_eq!(running.client.get("/deploy").0, 401);
}

#[test]
fn a_ticket_opens_the_log_of_one_deployment() {
    let test_env = TestEnv::new();
    let key = test_env.key("ann", "admin");
    let running = test_env.serve();
    let client = running.client.with_key(&key);
    let mut request = test_env.request("terraform", "output \"a\" { value = 1 }");
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
    let test_env = TestEnv::new();
    let (ann, bob) = (
        test_env.key("ann", "admin"),
        test_env.key("bob", "approver"),
    );
    let running = test_env.serve_with(&["--starter-may-approve=false"]);
    let ann = running.client.with_key(&ann);
    let bob = running.client.with_key(&bob);
    let id = ann.deploy(&test_env.request("terraform", crate::test_env::SMALL));
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
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--insecure", "--allowed-origins", "https://a.example"]);
    for (origin, code, allowed) in [
        ("https://a.example", 200, Some("https://a.example")),
        ("https://b.example", 403, None),
    ] {
        let answer = running.client.open_as_page("/deploy", origin);
        assert_eq!(answer.status(), code, "{origin}");
        let header = answer.headers().get("access-control-allow-origin");
        assert_eq!(header.map(|it| it.to_str().unwrap()), allowed);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let policy = answer.headers()["content-security-policy"].to_str();
        assert!(policy.unwrap().starts_with("default-src 'none';"));
    }
}

/// A page of another site may have its own name resolve to loopback.
#[test]
fn without_keys_another_name_is_served_only_if_that_is_asked_for() {
    let test_env = TestEnv::new();
    let call = b"GET /deploy HTTP/1.1\r\nHost: deploy.example.com\r\nConnection: close\r\n\r\n";
    for (flags, status) in [(&[][..], " 401 "), (&["--insecure"], " 200 ")] {
        let running = test_env.serve_with(flags);
        let answer = running.client.send_bytes(call);
        let head = answer.lines().next().unwrap_or_default();
        assert!(head.contains(status), "{flags:?}: {answer}");
    }
}
