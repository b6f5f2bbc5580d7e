//! The check value of the sealing key.

use iac_backend::config;
use iac_backend::sealing::{CheckError, KeyError, open_sealer, replace_key};
use iac_backend::store::{DeploymentId, NewDeployment};
use iac_runner::session::DeployRequest;

use crate::test_env::{Database, of, on_both};

on_both!(
    the_first_key_stays_the_right_one,
    a_database_from_before_the_check_knows_its_key,
);

fn key(dir: &tempfile::TempDir, name: &str) -> config::Sealing {
    config::Sealing {
        key: None,
        key_file: dir.path().join(name),
    }
}

async fn the_first_key_stays_the_right_one(database: &Database) {
    let (store, dir) = (database.open().await, tempfile::tempdir().unwrap());
    let store = store.as_ref();
    let (one, other) = (key(&dir, "one"), key(&dir, "other"));
    open_sealer(&one, store).await.unwrap();
    open_sealer(&one, store).await.unwrap();
    let missing = open_sealer(&other, store).await.unwrap_err();
    assert!(matches!(missing, CheckError::Key(KeyError::Missing { .. })));
    iac_backend::sealing::SealingKey::of(&other).unwrap();
    let wrong = open_sealer(&other, store).await.unwrap_err();
    assert!(matches!(wrong, CheckError::OtherKey { .. }), "{wrong}");
    replace_key(&other, store).await.unwrap();
    open_sealer(&other, store).await.unwrap();
    let former = open_sealer(&one, store).await.unwrap_err();
    assert!(matches!(former, CheckError::OtherKey { .. }), "{former}");
}

async fn a_database_from_before_the_check_knows_its_key(database: &Database) {
    let (store, dir) = (database.open().await, tempfile::tempdir().unwrap());
    let store = store.as_ref();
    let (one, other) = (key(&dir, "one"), key(&dir, "other"));
    let sealer = open_sealer(&one, store).await.unwrap();
    let body =
        br#"{"tool": "tofu", "git_url": "https://h/a", "git_ref": "main", "env_vars": {"A": "b"}}"#;
    let request = DeployRequest::from_json(body).unwrap();
    let id = DeploymentId::new();
    let sealed_secrets = sealer.seal(id, &request.secrets()).unwrap();
    let new = NewDeployment {
        id,
        sealed_secrets,
        ..of("a")
    };
    store.enqueue(&new, &[]).await.unwrap();
    database
        .execute("DELETE FROM sealing_check".to_owned())
        .await;
    let missing = open_sealer(&other, store).await.unwrap_err();
    assert!(matches!(missing, CheckError::Key(KeyError::Missing { .. })));
    open_sealer(&one, store).await.unwrap();
}
