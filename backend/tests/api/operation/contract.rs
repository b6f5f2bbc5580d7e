//! Compares the OpenAPI document and its documentation with the service.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::bounded::output_of;
use crate::client::Client;
use crate::test_env::TestEnv;

/// Returns every endpoint of the document: method, path, and least role.
pub(crate) fn endpoints(client: &Client) -> BTreeSet<[String; 3]> {
    let (code, document) = client.get("/openapi.json");
    assert_eq!(code, 200);
    let mut endpoints = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["x-role"].as_str().unwrap();
            endpoints.insert([method.to_uppercase(), path.clone(), role.to_owned()]);
        }
    }
    endpoints
}

/// Returns the endpoints in the table of `docs/service/api.md`, without the docs page, which the document omits.
fn documented_endpoints() -> BTreeSet<[String; 3]> {
    let documented = include_str!("../../../../docs/service/api.md");
    let (_, table) = documented
        .split_once("\n| call | answer | role |\n")
        .unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let mut endpoints = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [calls, .., role] = cells[..] else {
            panic!("{row}");
        };
        let mut calls = calls.split('`').skip(1).step_by(2);
        let (method, first) = calls.next().unwrap().split_once(' ').unwrap();
        let role = role.split(',').next().unwrap();
        for path in [first]
            .into_iter()
            .chain(calls)
            .filter(|path| *path != "/docs")
        {
            endpoints.insert([method, path, role].map(str::to_owned));
        }
    }
    endpoints
}

#[test]
fn openapi_docs_and_router_agree() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let described = endpoints(client);
    assert_eq!(described, documented_endpoints());
    let paths: BTreeSet<_> = described.iter().map(|[_, path, _]| path).collect();
    for path in paths {
        let of_path = described.iter().filter(|it| it[1] == *path);
        let mut methods: BTreeSet<_> = of_path.map(|it| it[0].as_str()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        // An existing path answers other methods with the methods that it has; an unknown path, with 404.
        let answer = client.send_bytes(
            format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 405 "), "{path}: {answer}");
        let allowed = answer.lines().find_map(|line| line.strip_prefix("allow: "));
        let allowed: BTreeSet<_> = allowed.unwrap().split(',').map(str::trim).collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[test]
fn the_page_that_shows_the_api_needs_nothing_from_elsewhere() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let page = client.open("/docs/", None);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("http"),
        "{policy}"
    );
    let (_, page) = client.get("/docs/");
    let page = page.as_str().unwrap();
    let parts = page
        .split(['\"'])
        .filter(|it| it.ends_with(".js") || it.ends_with(".css"));
    let parts: Vec<_> = parts.collect();
    assert!(parts.len() >= 4, "{page}");
    for part in parts {
        assert!(!part.contains("//"), "{part}");
        let answer = client.open(&format!("/docs/{}", part.trim_start_matches("./")), None);
        assert_eq!(answer.status(), 200, "{part}");
    }
    let (_, initializer) = client.get("/docs/swagger-initializer.js");
    assert!(initializer.as_str().unwrap().contains("\"/openapi.json\""));
}

#[test]
fn schemathesis_finds_nothing_about_deployments_that_are_not_there() {
    let test_env = TestEnv::new();
    schemathesis(&test_env, |_| json!({}));
}

#[test]
fn schemathesis_finds_nothing_about_a_deployment_that_is_over() {
    let test_env = TestEnv::new();
    schemathesis(&test_env, |client| {
        let mut request = test_env.request("terraform", crate::test_env::SMALL);
        request["operation"] = json!("plan");
        let id = client.deploy(&request);
        client.follow(&id, None).until_end();
        json!({"path.id": id})
    });
}

/// Runs Schemathesis on a started service, with these parameters if there are any.
fn schemathesis(test_env: &TestEnv, parameters: impl Fn(&Client) -> Value) {
    let key = test_env.key("ann", "admin");
    let running = test_env.serve_with(&["--rate-limit", "0"]);
    let client = running.client.with_key(&key);
    let mut config = "[parameters]\n".to_owned();
    for (name, value) in parameters(&client).as_object().unwrap() {
        config += &format!("\"{name}\" = {value}\n");
    }
    let file = test_env.path().join("schemathesis.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/schemathesis.sh"
    ));
    command
        .arg("run")
        .arg("--config-file")
        .arg(&file)
        .arg("run")
        .arg(format!("http://{}/openapi.json", client.address()))
        .args(["--header", &format!("X-Api-Key: {key}")])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "20", "--seed", "1"])
        .args(["--generation-database", "none", "--request-timeout", "30"])
        // A request may have correct types and still name no repository; a valid key in one header takes precedence
        // over an invalid one in another.
        .args(["--exclude-checks", "positive_data_acceptance,ignored_auth"])
        .args(["--warnings", "off", "--no-color"])
        // It writes notes to its current directory.
        .current_dir(test_env.path());
    let done = output_of(&mut command);
    let said = String::from_utf8_lossy(&done.stdout);
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{complained}");
    assert!(said.contains("No issues found"), "{said}\n{complained}");
}
