//! Secrets at rest.

use std::os::unix::fs::PermissionsExt;

use iac_backend::sealing::{Sealer, SealingKey};
use iac_backend::store::{DeploymentId, LeaseState, NewDeployment, SqliteStore, Store, Target};
use iac_runner::session::{DeployRequest, Reason};

use crate::test_env::{Database, LONG, ending, now, of, on_both};

on_both!(
    secrets_are_had_by_the_claim_alone_and_go_with_the_end,
    the_secrets_of_another_row_do_not_open,
);

const BODY: &str = r#"{
    "tool": "tofu", "git_url": "https://example.com/a.git", "git_ref": "main",
    "env_vars": {"AWS_SECRET_ACCESS_KEY": "hunter2-of-aws"},
    "git_auth": {"type": "http", "username": "bot", "password": "hunter2-of-git"}
}"#;

fn sealed(sealer: &Sealer) -> NewDeployment {
    let request = DeployRequest::from_json(BODY.as_bytes()).unwrap();
    let id = DeploymentId::new();
    NewDeployment {
        id,
        target: Target::of(&request),
        record: request.record(),
        sealed_secrets: sealer.seal(id, &request.secrets()).unwrap(),
        created_at: now(),
        ..of("a")
    }
}

fn sealer() -> Sealer {
    Sealer::new(&SealingKey::generate().unwrap())
}

async fn secrets_are_had_by_the_claim_alone_and_go_with_the_end(database: &Database) {
    let (store, sealer) = (database.open().await, sealer());
    let new = sealed(&sealer);
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let opened = sealer.open(new.id, &claim.sealed_secrets.unwrap()).unwrap();
    let request = DeployRequest::from_record(&claim.deployment.record, &opened).unwrap();
    assert_eq!(request.secrets().fields().count(), 2);
    assert!(!format!("{:?}", claim.deployment).contains("hunter2"));
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    assert!(store.claim("n", LONG).await.unwrap().is_none());
}

async fn the_secrets_of_another_row_do_not_open(database: &Database) {
    let (store, sealer) = (database.open().await, sealer());
    let (one, mut other) = (sealed(&sealer), sealed(&sealer));
    other.target.path = "other".to_owned();
    other.sealed_secrets.clone_from(&one.sealed_secrets);
    store.enqueue(&other, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let swapped = claim.sealed_secrets.unwrap();
    assert!(sealer.open(other.id, &swapped).is_err());
    assert!(sealer.open(one.id, &swapped).is_ok());
}

#[tokio::test]
async fn the_files_of_the_database_hold_nothing_in_clear_and_are_for_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backend.db");
    let (store, sealer) = (SqliteStore::open(&file).await.unwrap(), sealer());
    let store: &dyn Store = &store;
    let new = sealed(&sealer);
    store.enqueue(&new, &[]).await.unwrap();
    let sealed = new.sealed_secrets.unwrap();
    assert!(
        holds(dir.path(), &sealed),
        "the test looks in the wrong place"
    );
    let looked_at = std::fs::read_dir(dir.path()).unwrap().flatten();
    for entry in looked_at {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    assert!(!holds(dir.path(), b"hunter2"));

    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    store.scrub().await.unwrap();
    assert!(!holds(dir.path(), &sealed), "it is left after the end");
}

/// Returns whether any file of a directory contains these bytes.
fn holds(dir: &std::path::Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(dir).unwrap().flatten();
    let mut texts = files.map(|entry| std::fs::read(entry.path()).unwrap());
    texts.any(|text| text.windows(bytes.len()).any(|window| window == bytes))
}
