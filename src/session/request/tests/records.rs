//! Tests of what is written to disk, and what is restored from it.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::json;

use super::super::*;
use super::DOCUMENTED;

fn documented() -> DeployRequest {
    DeployRequest::from_json(DOCUMENTED.as_bytes()).expect("accepted")
}

#[test]
fn a_record_has_the_shape_of_the_body_and_null_for_every_secret() {
    let record = documented().record();
    assert_eq!(record["git_url"], "https://github.com/user/repo.git");
    assert_eq!(
        record["env_vars"],
        json!({"AWS_ACCESS_KEY_ID": null, "AWS_SECRET_ACCESS_KEY": null})
    );
    assert_eq!(
        record["git_auth"],
        json!({"type": "http", "username": "token", "password": null})
    );
    let names = [
        "env_vars.AWS_ACCESS_KEY_ID",
        "env_vars.AWS_SECRET_ACCESS_KEY",
        "git_auth.password",
    ];
    assert_eq!(documented().secrets().fields().collect::<Vec<_>>(), names);
}

#[test]
fn no_secret_shows_in_a_record_or_in_debug() {
    let mut request = DeployRequest::git(Tool::Tofu, "git@example.com:a", "v1");
    request
        .env_vars
        .insert("PLAIN".to_owned(), "hunter2".to_owned().into());
    if let Source::Git(git) = &mut request.source {
        git.auth = Some(GitAuth {
            username: "me".to_owned(),
            password: "hunter2".to_owned().into(),
        });
        git.ssh = Some(SshCredentials {
            private_key: "hunter2".to_owned().into(),
            known_hosts: "example.com".to_owned(),
        });
    }
    let secrets = request.secrets();
    assert_eq!(secrets.values().count(), 3);
    assert!(secrets.values().all(|it| it.expose_secret() == "hunter2"));
    let shown = format!("{request:?} {secrets:?} {}", request.record());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_record_and_its_secrets_are_the_request_again() {
    let files = BTreeMap::from([("main.tf".to_owned(), "# é\n\u{1}".to_owned())]);
    let mut with_all = DeployRequest::files(Tool::Tofu, files);
    with_all.workspace = Some("prod".to_owned());
    with_all.operation = Operation::Drift;
    with_all.timeout_minutes = 1.25;
    with_all.auto_approve = true;
    with_all.targets = vec!["a.b".to_owned()];
    with_all
        .variables
        .insert("a".to_owned(), json!([1, 2.5, {"b": null}, "c", false]));
    let requests = [
        documented(),
        with_all,
        DeployRequest::directory(Tool::Terraform, "/srv/app"),
    ];
    for request in requests {
        let again =
            DeployRequest::from_record(&request.record(), &request.secrets()).expect("complete");
        assert_eq!(again.record(), request.record());
        let exposed = |request: &DeployRequest| -> Vec<String> {
            let secrets = request.secrets();
            let values = secrets.values().map(|it| it.expose_secret().to_owned());
            values.collect()
        };
        assert_eq!(exposed(&again), exposed(&request));

        let secrets = request.secrets();
        let kept: Vec<(String, SecretString)> = secrets
            .iter()
            .map(|(field, value)| (field.to_owned(), value.clone()))
            .collect();
        let gathered = kept.into_iter().collect();
        DeployRequest::from_record(&request.record(), &gathered).expect("complete");
    }
}

#[test]
fn without_its_secrets_a_record_still_tells_what_was_asked_for() {
    let record = documented().record();
    let error = DeployRequest::from_record(&record, &RequestSecrets::default())
        .expect_err("secrets are missing");
    let names = [
        "env_vars.AWS_ACCESS_KEY_ID",
        "env_vars.AWS_SECRET_ACCESS_KEY",
        "git_auth.password",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_eq!(
        error,
        RecordError::SecretsMissing {
            names: names.clone()
        }
    );
    let remembered = DeployRequest::remembered(&record).expect("a record");
    assert_eq!(remembered.missing, names);
    assert_eq!(remembered.request.path, "examples/basic");
    assert!(remembered.request.env_vars.is_empty());
    assert!(remembered.request.secrets().is_empty());
}

#[test]
fn what_is_no_record_is_told_so() {
    for record in [json!(null), json!([]), json!({"tool": "make"})] {
        let error = DeployRequest::remembered(&record).expect_err("no record");
        assert!(matches!(error, RecordError::Malformed(_)), "{error:?}");
    }
}
