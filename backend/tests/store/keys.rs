//! Keys of the API.

use iac_backend::auth::{KeyText, Role, Roles};
use iac_backend::store::{AuditPage, StoredKey};

use crate::stand::{Database, now, on_both};

on_both!(
    a_key_admits_its_owner_until_it_is_revoked,
    a_key_row_of_the_version_before_has_its_one_role,
    keys_and_entries_are_kept_when_the_tables_are_brought_up_to_date,
);

async fn a_key_admits_its_owner_until_it_is_revoked(database: &Database) {
    let store = database.open().await;
    let both = Roles::new([Role::Deployer, Role::Approver]).unwrap();
    let (ann, bob) = (KeyText::generate().unwrap(), KeyText::generate().unwrap());
    for (key, name, roles) in [(&ann, "ann", both), (&bob, "bob", Role::Viewer.into())] {
        let stored = StoredKey {
            id: key.id().clone(),
            digest: key.digest().clone(),
            roles,
            name: name.to_owned(),
            created_at: now(),
            revoked_at: None,
        };
        store.add_key(&stored).await.unwrap();
    }
    let presented = KeyText::parse(ann.expose()).unwrap();
    let kept = store.key(presented.id()).await.unwrap().unwrap();
    assert_eq!((kept.roles, kept.name.as_str()), (both, "ann"));
    assert!(kept.admits(&presented) && !kept.admits(&bob));

    assert!(store.revoke_key(ann.id(), now()).await.unwrap());
    assert!(!store.revoke_key(ann.id(), now()).await.unwrap());
    let kept = store.key(ann.id()).await.unwrap().unwrap();
    assert!(!kept.admits(&presented) && kept.revoked_at.is_some());
    let names: Vec<_> = store
        .keys()
        .await
        .unwrap()
        .into_iter()
        .map(|key| key.name)
        .collect();
    assert_eq!(names, ["ann", "bob"]);
    let unknown = KeyText::generate().unwrap();
    assert!(store.key(unknown.id()).await.unwrap().is_none());
    assert!(!store.revoke_key(unknown.id(), now()).await.unwrap());
}

/// A service of that version may still run on the database and write such rows.
async fn a_key_row_of_the_version_before_has_its_one_role(database: &Database) {
    let store = database.open().await;
    let key = KeyText::generate().unwrap();
    insert_as_before(database, &key).await;
    let kept = store.key(key.id()).await.unwrap().unwrap();
    assert_eq!(kept.roles, Role::Approver.into());
    assert!(kept.admits(&key));
    assert_eq!(store.keys().await.unwrap().len(), 1);
}

async fn keys_and_entries_are_kept_when_the_tables_are_brought_up_to_date(database: &Database) {
    drop(database.open().await);
    // The tables of the version before.
    let before = "DROP TABLE nodes; ALTER TABLE api_keys DROP COLUMN roles; \
        ALTER TABLE audit DROP COLUMN by_starter; DELETE FROM _sqlx_migrations WHERE version >= 3; \
        INSERT INTO audit (at, actor, action, detail) VALUES (0, 'ann', 'approve', '')";
    database.execute(before.to_owned()).await;
    let key = KeyText::generate().unwrap();
    insert_as_before(database, &key).await;

    let store = database.open().await;
    let kept = store.key(key.id()).await.unwrap().unwrap();
    assert_eq!(
        (kept.roles, kept.name.as_str()),
        (Role::Approver.into(), "ann")
    );
    let page = AuditPage {
        deployment: None,
        before: None,
        most: 9,
    };
    let trail = store.audit_trail(&page).await.unwrap();
    assert_eq!((trail.len(), trail[0].entry.by_starter), (1, false));
}

async fn insert_as_before(database: &Database, key: &KeyText) {
    let id = key.id().to_string();
    let digest: String = key
        .digest()
        .bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (open, close) = match database {
        Database::Sqlite(_) => ("x'", "'"),
        Database::Postgres(_) => ("'\\x", "'"),
    };
    let statement = format!(
        "INSERT INTO api_keys (id, digest, role, name, created_at) \
         VALUES ('{id}', {open}{digest}{close}, 'approver', 'ann', 0)"
    );
    database.execute(statement).await;
}
