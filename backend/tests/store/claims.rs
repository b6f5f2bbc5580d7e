//! Claims and leases.

use iac_backend::store::{LeaseState, Owner, Progress, QueueState};
use iac_runner::session::{Phase, Reason, Status};
use serde_json::json;

use crate::test_env::{Database, LONG, NONE, ending, now, of, on_both, said};

on_both!(
    a_late_finish_with_an_old_epoch_changes_nothing,
    a_lease_that_is_renewed_is_not_taken_over,
    a_node_takes_up_its_own_and_no_other,
    what_has_ended_is_written_no_more,
    what_a_lost_node_carries_is_given_up_and_what_another_carries_is_not,
    progress_is_kept,
);

async fn a_late_finish_with_an_old_epoch_changes_nothing(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let old = store.claim("one", NONE).await.unwrap().unwrap();
    let taken = store.take_over("two", Owner::Expired, LONG).await.unwrap();
    assert_eq!(taken.len(), 1);
    let newer = &taken[0];
    assert_eq!(newer.lease.deployment, new.id);
    assert!(newer.lease.epoch > old.lease.epoch);
    assert_eq!(newer.sealed_secrets, new.sealed_secrets);

    let lease = &old.lease;
    let progress = &newer.deployment.progress;
    let late = [
        store.finish(lease, &ending(Reason::Applied)).await.unwrap(),
        store.renew(lease, LONG).await.unwrap(),
        store.keep_session_dir(lease, "/old").await.unwrap(),
        store.keep_progress(lease, progress).await.unwrap(),
        store.keep_plan(lease, &json!(1)).await.unwrap(),
        store.keep_outputs(lease, &json!(1)).await.unwrap(),
        store.add_lines(lease, &[]).await.unwrap(),
    ];
    assert_eq!(late, [LeaseState::Lost; 7]);
    let now = store.deployment(new.id).await.unwrap().unwrap();
    assert_eq!(now.queue_state, QueueState::Active);
    assert_eq!((now.node.as_deref(), now.session_dir), (Some("two"), None));
    assert_eq!(store.plan(new.id).await.unwrap(), None);

    let held = store.finish(&newer.lease, &ending(Reason::Unknown)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    let ended = store.deployment(new.id).await.unwrap().unwrap();
    assert_eq!(ended.reason, Some(Reason::Unknown));
}

async fn a_lease_that_is_renewed_is_not_taken_over(database: &Database) {
    let store = database.open().await;
    store.enqueue(&of("a"), &[]).await.unwrap();
    let claim = store.claim("one", NONE).await.unwrap().unwrap();
    assert_eq!(
        store.renew(&claim.lease, LONG).await.unwrap(),
        LeaseState::Yes
    );
    let taken = store.take_over("two", Owner::Expired, LONG).await.unwrap();
    assert!(taken.is_empty());
}

async fn a_node_takes_up_its_own_and_no_other(database: &Database) {
    let store = database.open().await;
    for repository in ["a", "b", "c"] {
        store.enqueue(&of(repository), &[]).await.unwrap();
    }
    let mine = store.claim("one", LONG).await.unwrap().unwrap();
    let other = store.claim("two", LONG).await.unwrap().unwrap();
    let kept = store.keep_session_dir(&mine.lease, "/sessions/x").await;
    assert_eq!(kept.unwrap(), LeaseState::Yes);
    let id = mine.lease.deployment;
    let claimed = store.claimed_by("one").await.unwrap();
    assert_eq!(claimed, [(id, Some("/sessions/x".to_owned()))]);
    let of_other = Owner::Own(other.lease.deployment);
    assert!(
        store
            .take_over("one", of_other, LONG)
            .await
            .unwrap()
            .is_empty()
    );
    let taken = store.take_over("one", Owner::Own(id), LONG).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].lease.deployment, mine.lease.deployment);
    assert_eq!(
        taken[0].deployment.session_dir.as_deref(),
        Some("/sessions/x")
    );
    assert_eq!(
        store.renew(&mine.lease, LONG).await.unwrap(),
        LeaseState::Lost
    );
    assert_eq!(
        store.renew(&other.lease, LONG).await.unwrap(),
        LeaseState::Yes
    );
}

async fn what_has_ended_is_written_no_more(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("one", NONE).await.unwrap().unwrap();
    let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
    assert_eq!(held.unwrap(), LeaseState::Yes);
    let again = store.finish(&claim.lease, &ending(Reason::Unknown)).await;
    assert_eq!(again.unwrap(), LeaseState::Lost);
    for whose in [Owner::Own(new.id), Owner::Expired] {
        assert!(
            store
                .take_over("one", whose, LONG)
                .await
                .unwrap()
                .is_empty()
        );
    }
    let ended = store.deployment(new.id).await.unwrap().unwrap();
    assert_eq!(ended.reason, Some(Reason::Applied));
    assert_eq!(ended.progress.status, Status::Success);
    assert_eq!(ended.progress.phase, Phase::Completed);
}

async fn progress_is_kept(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    store.enqueue(&new, &[]).await.unwrap();
    let claim = store.claim("one", LONG).await.unwrap().unwrap();
    let progress = Progress {
        status: Status::AwaitingApproval,
        phase: Phase::Plan,
        error: "nothing \"much\" — yet".to_owned(),
        warnings: vec!["a \"word\"".to_owned()],
        commit: Some("0123".to_owned()),
        plan_digest: Some("4567".to_owned()),
        sandbox: Some("landlock-7".to_owned()),
        started_at: Some(now()),
    };
    let (plan, outputs) = (json!({"add": 1}), json!({"name": {"value": "blue"}}));
    let kept = [
        store.keep_progress(&claim.lease, &progress).await.unwrap(),
        store.keep_plan(&claim.lease, &plan).await.unwrap(),
        store.keep_outputs(&claim.lease, &outputs).await.unwrap(),
    ];
    assert_eq!(kept, [LeaseState::Yes; 3]);
    // As another process reads it.
    let store = database.open().await;
    let deployment = store.deployment(new.id).await.unwrap().unwrap();
    assert_eq!(deployment.progress, progress);
    assert_eq!(store.plan(new.id).await.unwrap(), Some(plan));
    assert_eq!(store.outputs(new.id).await.unwrap(), Some(outputs));
}

async fn what_a_lost_node_carries_is_given_up_and_what_another_carries_is_not(database: &Database) {
    let store = database.open().await;
    let (lost, carried, waiting) = (of("a"), of("b"), of("c"));
    for new in [&lost, &carried, &waiting] {
        store.enqueue(new, &[]).await.unwrap();
    }
    let late = store.claim("one", NONE).await.unwrap().unwrap();
    store.claim("two", LONG).await.unwrap().unwrap();
    let unknown = ending(Reason::Unknown);
    for id in [carried.id, waiting.id] {
        assert!(!store.abandon(id, &unknown, &said("abandon")).await.unwrap());
    }
    assert!(
        store
            .abandon(lost.id, &unknown, &said("abandon"))
            .await
            .unwrap()
    );
    assert!(
        !store
            .abandon(lost.id, &unknown, &said("abandon"))
            .await
            .unwrap()
    );

    let found = store.deployment(lost.id).await.unwrap().unwrap();
    assert_eq!(found.queue_state, QueueState::Ended);
    assert_eq!(found.reason, Some(Reason::Unknown));
    // Its node comes back: it may not write, and finds nothing to recover.
    let finished = store.finish(&late.lease, &ending(Reason::Applied)).await;
    assert_eq!(finished.unwrap(), LeaseState::Lost);
    assert!(store.claimed_by("one").await.unwrap().is_empty());
    let own = Owner::Own(lost.id);
    let own = store.take_over("one", own, LONG).await.unwrap();
    assert!(own.is_empty());
}
