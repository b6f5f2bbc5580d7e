//! The order of claims.

use iac_backend::store::{LeaseState, NewDeployment, QueueState, Turn};
use iac_runner::session::{Reason, Status};

use crate::test_env::{Database, LONG, ending, of, on_both, said};

on_both!(
    deployments_of_one_workspace_go_one_after_the_other,
    another_workspace_does_not_wait,
    positions_count_all_that_wait,
    what_waits_can_be_cancelled_and_what_is_active_cannot,
    a_waiting_deployment_says_which_one_it_waits_for,
    a_name_is_given_once,
);

async fn deployments_of_one_workspace_go_one_after_the_other(database: &Database) {
    let store = database.open().await;
    let all = [of("a"), of("a"), of("a")];
    for new in &all {
        store.enqueue(new, &[]).await.unwrap();
    }
    for new in &all {
        let claim = store.claim("n", LONG).await.unwrap().unwrap();
        assert_eq!(claim.deployment.id, new.id);
        assert_eq!(claim.deployment.queue_state, QueueState::Active);
        assert_eq!(claim.sealed_secrets, new.sealed_secrets);
        assert!(store.claim("n", LONG).await.unwrap().is_none());
        let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
        assert_eq!(held.unwrap(), LeaseState::Yes);
    }
    assert!(store.claim("n", LONG).await.unwrap().is_none());
}

async fn another_workspace_does_not_wait(database: &Database) {
    let store = database.open().await;
    let (first, second, mut third) = (of("a"), of("a"), of("a"));
    third.target.workspace = Some("blue".to_owned());
    for new in [&first, &second, &third] {
        store.enqueue(new, &[]).await.unwrap();
    }
    let mut claimed = Vec::new();
    while let Some(claim) = store.claim("n", LONG).await.unwrap() {
        claimed.push(claim.deployment.id);
    }
    assert_eq!(claimed, [first.id, third.id]);
}

async fn positions_count_all_that_wait(database: &Database) {
    let store = database.open().await;
    let all = [of("a"), of("b"), of("b")];
    for new in &all {
        store.enqueue(new, &[]).await.unwrap();
    }
    let mut positions = Vec::new();
    for new in &all {
        positions.push(store.position(new.id).await.unwrap());
    }
    assert_eq!(positions, [Some(1), Some(2), Some(3)]);
    assert_eq!(store.waiting().await.unwrap(), 3);
    store.claim("n", LONG).await.unwrap().unwrap();
    assert_eq!(store.waiting().await.unwrap(), 2);
    assert_eq!(store.position(all[0].id).await.unwrap(), None);
    assert_eq!(store.position(all[2].id).await.unwrap(), Some(2));
    assert_eq!(store.position(of("c").id).await.unwrap(), None);
}

async fn a_waiting_deployment_says_which_one_it_waits_for(database: &Database) {
    let store = database.open().await;
    let (first, second, third, other) = (of("a"), of("a"), of("a"), of("b"));
    let at_once = NewDeployment {
        turn: Turn::AtOnce,
        ..of("a")
    };
    for new in [&first, &second, &third, &other, &at_once] {
        store.enqueue(new, &[]).await.unwrap();
    }
    let waits_for = async |new: &NewDeployment| store.waits_for(new.id).await.unwrap();
    assert_eq!(waits_for(&second).await, Some(first.id));
    assert_eq!(waits_for(&third).await, Some(first.id));
    for new in [&first, &other, &at_once] {
        assert_eq!(waits_for(new).await, None);
    }
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    assert_eq!(waits_for(&third).await, Some(first.id));
    let next: Vec<_> = [
        store.claim("n", LONG).await.unwrap().unwrap().deployment.id,
        store.claim("n", LONG).await.unwrap().unwrap().deployment.id,
    ]
    .into();
    assert_eq!(next, [other.id, at_once.id]);
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    assert_eq!(waits_for(&second).await, None);
    assert_eq!(waits_for(&third).await, Some(second.id));
}

async fn what_waits_can_be_cancelled_and_what_is_active_cannot(database: &Database) {
    let store = database.open().await;
    let (first, second) = (of("a"), of("a"));
    store.enqueue(&first, &[]).await.unwrap();
    store.enqueue(&second, &[]).await.unwrap();
    let claim = store.claim("n", LONG).await.unwrap().unwrap();
    let cancelled = ending(Reason::Cancelled);
    assert!(
        !store
            .end_waiting(first.id, &cancelled, &said("cancel"))
            .await
            .unwrap()
    );
    assert!(
        store
            .end_waiting(second.id, &cancelled, &said("cancel"))
            .await
            .unwrap()
    );
    assert!(
        !store
            .end_waiting(second.id, &cancelled, &said("cancel"))
            .await
            .unwrap()
    );
    let ended = store.deployment(second.id).await.unwrap().unwrap();
    assert_eq!(ended.queue_state, QueueState::Ended);
    assert_eq!(ended.progress.status, Status::Cancelled);
    assert_eq!(
        (ended.reason, ended.ended_at),
        (Some(Reason::Cancelled), Some(cancelled.at))
    );
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    assert!(store.claim("n", LONG).await.unwrap().is_none());
}

async fn a_name_is_given_once(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    assert!(store.enqueue(&new, &[]).await.is_err());
}
