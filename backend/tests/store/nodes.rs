//! Node names: each belongs to one data directory.

use iac_backend::store::{LeaseState, NameAnswer, Node};

use crate::test_env::{Database, LONG, NONE, of, on_both};

on_both!(
    a_name_belongs_to_one_data_directory_while_it_is_alive_or_carries,
    a_new_name_has_what_the_directory_carried,
    a_process_loses_its_name_to_the_next_one_of_its_directory,
    a_copy_of_a_directory_gets_nothing_while_the_lease_is_alive,
);

fn node(name: &str, identity: &str, process: &str) -> Node {
    Node {
        name: name.to_owned(),
        identity: identity.to_owned(),
        place: "here".to_owned(),
        process: process.to_owned(),
    }
}

async fn a_name_belongs_to_one_data_directory_while_it_is_alive_or_carries(database: &Database) {
    let store = database.open().await;
    let (one, two) = (node("a", "one", "1"), node("a", "two", "2"));
    assert_eq!(
        store.take_name(&one, LONG).await.unwrap(),
        NameAnswer::Taken
    );
    let refused = store.take_name(&two, LONG).await.unwrap();
    let NameAnswer::InUse { lease_left } = refused else {
        panic!("{refused:?}");
    };
    assert!(lease_left <= LONG && !lease_left.is_zero());

    store.enqueue(&of("repository"), &[]).await.unwrap();
    let claim = store.claim("a", LONG).await.unwrap().unwrap();
    store.leave_name(&one).await.unwrap();
    let carries = NameAnswer::Carries { deployments: 1 };
    assert_eq!(store.take_name(&two, LONG).await.unwrap(), carries);
    // Its own directory may take the name again.
    assert_eq!(
        store.take_name(&one, NONE).await.unwrap(),
        NameAnswer::Taken
    );
    assert_eq!(store.take_name(&two, LONG).await.unwrap(), carries);

    let ending = crate::test_env::ending(iac_runner::session::Reason::Applied);
    assert_eq!(
        store.finish(&claim.lease, &ending).await.unwrap(),
        LeaseState::Yes
    );
    assert_eq!(
        store.take_name(&two, LONG).await.unwrap(),
        NameAnswer::Taken
    );
    assert_eq!(
        store.renew_name(&one, LONG).await.unwrap(),
        LeaseState::Lost
    );
}

async fn a_new_name_has_what_the_directory_carried(database: &Database) {
    let store = database.open().await;
    let (former, new) = (node("a", "one", "1"), node("b", "one", "2"));
    store.take_name(&former, LONG).await.unwrap();
    let deployment = of("repository");
    store.enqueue(&deployment, &[]).await.unwrap();
    store.claim("a", LONG).await.unwrap().unwrap();
    assert_eq!(
        store.take_name(&new, LONG).await.unwrap(),
        NameAnswer::Taken
    );
    let kept = store.deployment(deployment.id).await.unwrap().unwrap();
    assert_eq!(kept.node.as_deref(), Some("b"));
    // The previous name is free.
    let other = node("a", "two", "3");
    assert_eq!(
        store.take_name(&other, LONG).await.unwrap(),
        NameAnswer::Taken
    );
}

async fn a_process_loses_its_name_to_the_next_one_of_its_directory(database: &Database) {
    let store = database.open().await;
    let (first, next) = (node("a", "one", "1"), node("a", "one", "2"));
    store.take_name(&first, LONG).await.unwrap();
    assert_eq!(
        store.renew_name(&first, LONG).await.unwrap(),
        LeaseState::Yes
    );
    assert_eq!(
        store.take_name(&next, LONG).await.unwrap(),
        NameAnswer::Taken
    );
    assert_eq!(
        store.renew_name(&first, LONG).await.unwrap(),
        LeaseState::Lost
    );
    // The end of the previous process takes nothing from the new one.
    store.leave_name(&first).await.unwrap();
    let other = node("a", "two", "3");
    let refused = store.take_name(&other, LONG).await.unwrap();
    assert!(matches!(refused, NameAnswer::InUse { .. }));
}

async fn a_copy_of_a_directory_gets_nothing_while_the_lease_is_alive(database: &Database) {
    let store = database.open().await;
    let original = node("a", "one", "1");
    store.take_name(&original, LONG).await.unwrap();
    store.enqueue(&of("repository"), &[]).await.unwrap();
    let claim = store.claim("a", LONG).await.unwrap().unwrap();
    let id = claim.lease.deployment;
    // Under its name, and under another.
    for name in ["a", "b"] {
        let copy = Node {
            place: "there".to_owned(),
            ..node(name, "one", "2")
        };
        let refused = store.take_name(&copy, LONG).await.unwrap();
        assert!(
            matches!(refused, NameAnswer::Copied { .. }),
            "{name}: {refused:?}"
        );
        let kept = store.deployment(id).await.unwrap().unwrap();
        assert_eq!(kept.node.as_deref(), Some("a"));
        assert_eq!(
            store.renew_name(&original, LONG).await.unwrap(),
            LeaseState::Yes
        );
    }
    // The next process of the original gets the name at once, the copy only after the lease.
    let next = node("a", "one", "3");
    store.take_name(&next, NONE).await.unwrap();
    let copy = Node {
        place: "there".to_owned(),
        ..node("a", "one", "4")
    };
    assert_eq!(
        store.take_name(&copy, LONG).await.unwrap(),
        NameAnswer::Taken
    );
    assert_eq!(
        store.renew_name(&next, LONG).await.unwrap(),
        LeaseState::Lost
    );
    let refused = store.take_name(&original, LONG).await.unwrap();
    assert!(matches!(refused, NameAnswer::Copied { .. }));
}
