//! Decisions on their way to the node that runs the deployment.

use iac_backend::store::{LeaseState, Store};
use iac_runner::session::Reason;
use serde_json::json;

use crate::test_env::{Database, LONG, NONE, ending, of, on_both};

on_both!(
    a_decision_is_taken_once_by_the_node_that_carries_it_and_answered,
    decision_that_was_not_taken_is_withdrawn,
    abandoned_decision_is_not_taken,
    of_many_that_take_at_once_one_gets_it,
);

/// Creates a deployment that the node `one` runs.
async fn carried(store: &dyn Store) -> iac_backend::store::Claim {
    store.enqueue(&of("a"), &[]).await.unwrap();
    store.claim("one", LONG).await.unwrap().unwrap()
}

async fn a_decision_is_taken_once_by_the_node_that_carries_it_and_answered(database: &Database) {
    let (store, other) = (database.open().await, database.open().await);
    let claim = carried(store.as_ref()).await;
    let id = claim.lease.deployment;
    let (first, second) = (json!({"by": "ann"}), json!({"by": "b\u{e9}n"}));
    let number = other.hand_over(id, &first, LONG).await.unwrap();
    let later = other.hand_over(id, &second, LONG).await.unwrap();
    assert!(later > number);
    assert!(other.take_decisions("two").await.unwrap().is_empty());

    let taken = store.take_decisions("one").await.unwrap();
    let seen: Vec<_> = taken
        .iter()
        .map(|it| (it.number, it.deployment, &it.decision))
        .collect();
    assert_eq!(seen, [(number, id, &first), (later, id, &second)]);
    assert!(store.take_decisions("one").await.unwrap().is_empty());
    // The sender cannot withdraw it any more.
    assert!(!other.withdraw(number).await.unwrap());

    assert_eq!(other.answer_to(number).await.unwrap(), None);
    let answer = json!({"answer": "done"});
    store.answer(number, &answer).await.unwrap();
    assert_eq!(other.answer_to(number).await.unwrap(), Some(answer));
    assert_eq!(other.answer_to(later).await.unwrap(), None);
}

async fn decision_that_was_not_taken_is_withdrawn(database: &Database) {
    let store = database.open().await;
    let claim = carried(store.as_ref()).await;
    let id = claim.lease.deployment;
    let number = store.hand_over(id, &json!(1), LONG).await.unwrap();
    assert!(store.withdraw(number).await.unwrap());
    assert!(!store.withdraw(number).await.unwrap());
    assert!(store.take_decisions("one").await.unwrap().is_empty());
}

async fn abandoned_decision_is_not_taken(database: &Database) {
    let store = database.open().await;
    let claim = carried(store.as_ref()).await;
    let id = claim.lease.deployment;
    store.hand_over(id, &json!(1), NONE).await.unwrap();
    assert!(store.take_decisions("one").await.unwrap().is_empty());
    // Nor is one about an ended deployment.
    store.hand_over(id, &json!(2), LONG).await.unwrap();
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    assert!(store.take_decisions("one").await.unwrap().is_empty());
}

async fn of_many_that_take_at_once_one_gets_it(database: &Database) {
    let store = database.open().await;
    let claim = carried(store.as_ref()).await;
    let id = claim.lease.deployment;
    for _ in 0..20 {
        store.hand_over(id, &json!(1), LONG).await.unwrap();
        let mut takers = Vec::new();
        for _ in 0..4 {
            let store = database.open().await;
            takers.push(tokio::spawn(async move {
                store.take_decisions("one").await.unwrap().len()
            }));
        }
        let mut taken = 0;
        for taker in takers {
            taken += taker.await.unwrap();
        }
        assert_eq!(taken, 1);
    }
}
