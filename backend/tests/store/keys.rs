//! API keys.

use iac_backend::auth::{KeyText, Role, Roles};
use iac_backend::store::StoredKey;

use crate::test_env::{Database, now, on_both};

on_both!(a_key_admits_its_owner_until_it_is_revoked);

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
