use super::*;
use secrecy::ExposeSecret;

mod any_body;
mod bad_bodies;
mod records;

/// The body that the documentation of the HTTP API shows.
const DOCUMENTED: &str = r#"{
  "tool": "terraform",
  "git_url": "https://github.com/user/repo.git",
  "git_ref": "main",
  "path": "examples/basic",
  "env_vars": {
    "AWS_ACCESS_KEY_ID": "...",
    "AWS_SECRET_ACCESS_KEY": "..."
  },
  "tfvars_files": ["prod.tfvars"],
  "init_flags": "-upgrade",
  "plan_flags": "-compact-warnings",
  "timeout": 60,
  "auto_approve": false,
  "git_auth": {
    "type": "http",
    "username": "token",
    "password": "ghp_xxxxxxxxxxxx"
  }
}"#;

fn repository(request: &DeployRequest) -> &Git {
    match &request.source {
        Source::Git(git) => git,
        Source::Directory(_) | Source::Files(_) => panic!("no repository: {request:?}"),
    }
}

#[test]
fn the_documented_body_is_accepted_word_for_word() {
    let request = DeployRequest::from_json(DOCUMENTED.as_bytes()).expect("accepted");
    assert_eq!(request.tool, Tool::Terraform);
    let git = repository(&request);
    assert_eq!(git.url, "https://github.com/user/repo.git");
    assert_eq!(git.git_ref, "main");
    let auth = git.auth.as_ref().expect("credentials");
    assert_eq!(auth.username, "token");
    assert_eq!(auth.password.expose_secret(), "ghp_xxxxxxxxxxxx");
    assert_eq!(request.path, "examples/basic");
    assert_eq!(
        request.env_vars["AWS_SECRET_ACCESS_KEY"].expose_secret(),
        "..."
    );
    assert_eq!(request.tfvars_files, ["prod.tfvars"]);
    assert_eq!(request.init_flags, "-upgrade");
    assert_eq!(request.plan_flags, "-compact-warnings");
    assert_eq!(request.timeout(), Duration::from_secs(3600));
    assert!(!request.auto_approve);
    assert_eq!(request.operation, Operation::Deploy);
    request
        .validate(&FlagPolicy::default())
        .expect("as valid as when it was read");
}

#[test]
fn what_is_left_out_or_null_is_the_default() {
    let short = r#"{"tool": "tofu", "git_url": "/srv/a", "git_ref": "v1"}"#;
    let nulls = r#"{"tool": "tofu", "git_url": "/srv/a", "git_ref": "v1", "source": null, "path": null,
        "env_vars": null, "tfvars_files": null, "init_flags": null, "plan_flags": null, "timeout": null,
        "auto_approve": null, "git_auth": null, "ssh": null, "submodules": null, "operation": null,
        "workspace": null, "targets": null, "replace": null, "variables": null, "backend_config": null}"#;
    for body in [short, nulls] {
        let request = DeployRequest::from_json(body.as_bytes()).expect(body);
        let built = DeployRequest::git(Tool::Tofu, "/srv/a", "v1");
        assert_eq!(request.record(), built.record(), "{body}");
        assert_eq!(request.timeout(), DEFAULT_COMMAND_TIMEOUT);
    }
}

#[test]
fn everything_that_can_be_asked_for_is_read() {
    let body = r#"{
        "tool": "tofu", "git_url": "git@example.com:a/b.git", "git_ref": "v1", "path": "a/../envs/prod",
        "ssh": {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n", "known_hosts": "example.com ssh-ed25519 A"},
        "submodules": true, "tfvars_files": ["../common.tfvars", "a b.tfvars"],
        "init_flags": "-backend-config=bucket=my-tfstate", "plan_flags": "-parallelism 10",
        "timeout": 0.5, "auto_approve": true, "operation": "plan", "workspace": "prod-1",
        "targets": ["module.a"], "replace": ["a.b[\"c\"]"],
        "variables": {"zones": ["a", {"b": null}], "on": true, "n": 1.5},
        "backend_config": {"bucket": "x"}
    }"#;
    let request = DeployRequest::from_json(body.as_bytes()).expect("accepted");
    let git = repository(&request);
    assert!(git.submodules && git.ssh.is_some() && git.auth.is_none());
    assert_eq!(request.timeout(), Duration::from_secs(30));
    assert_eq!(request.operation, Operation::Plan);
    assert_eq!(request.workspace.as_deref(), Some("prod-1"));
    assert_eq!(request.targets, ["module.a"]);
    assert_eq!(
        request.variables["zones"],
        serde_json::json!(["a", {"b": null}])
    );
    assert_eq!(request.variables["on"], true);
    assert_eq!(request.backend_config["bucket"], "x");
}

#[test]
fn a_source_takes_the_place_of_a_repository() {
    let body = r#"{"tool": "terraform", "source": {"directory": "/srv/app"}}"#;
    let request = DeployRequest::from_json(body.as_bytes()).expect("accepted");
    assert!(matches!(&request.source, Source::Directory(path) if path.as_os_str() == "/srv/app"));

    let body = r#"{"tool": "terraform", "path": "x", "source": {"files": {"x/main.tf": "", "y.tf": "a"}}}"#;
    let request = DeployRequest::from_json(body.as_bytes()).expect("accepted");
    assert!(matches!(&request.source, Source::Files(files) if files["y.tf"] == "a"));
}

#[test]
fn a_name_may_be_left_out_beside_a_token() {
    let body = r#"{"tool": "tofu", "git_url": "https://h/a", "git_ref": "v1",
        "git_auth": {"type": "token", "password": "t"}}"#;
    let request = DeployRequest::from_json(body.as_bytes()).expect("accepted");
    let auth = repository(&request).auth.as_ref().expect("credentials");
    assert_eq!(auth.username, "token");
}

#[test]
fn a_timeout_is_always_some_time() {
    let mut request = DeployRequest::directory(Tool::Tofu, "/srv");
    let table = [
        (0.0, DEFAULT_COMMAND_TIMEOUT),
        (1.5, Duration::from_secs(90)),
        (-1.0, DEFAULT_COMMAND_TIMEOUT),
        (f64::NAN, DEFAULT_COMMAND_TIMEOUT),
        (f64::INFINITY, MAX_TIMEOUT),
        (1e300, MAX_TIMEOUT),
        (20_000.0, MAX_TIMEOUT),
    ];
    for (minutes, expected) in table {
        request.timeout_minutes = minutes;
        assert_eq!(request.timeout(), expected, "{minutes}");
    }
}
