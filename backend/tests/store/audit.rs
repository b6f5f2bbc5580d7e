//! The audit trail.

use chrono::TimeDelta;
use iac_backend::store::{AuditPage, NewAuditEntry, Outcome, Settlement, Store};
use iac_runner::session::Reason;

use crate::test_env::{Database, LONG, NONE, ending, now, of, on_both, said};

on_both!(
    the_trail_goes_back_page_by_page_and_by_deployment,
    old_entries_are_forgotten_and_recent_ones_stay,
    a_pending_entry_is_settled_once,
    what_is_pending_after_the_end_is_dropped,
    a_start_is_recorded_with_its_deployment_or_not_at_all,
);

async fn the_trail_goes_back_page_by_page_and_by_deployment(database: &Database) {
    let store = database.open().await;
    let (one, other) = (of("a").id, of("b").id);
    let entry = |action: &str, deployment| NewAuditEntry {
        at: now(),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        deployment,
        detail: "as discussed".to_owned(),
        by_starter: action == "approve",
    };
    let all = [
        entry("start", Some(one)),
        entry("start", Some(other)),
        entry("create key", None),
        entry("approve", Some(one)),
    ];
    for entry in &all {
        store.record(entry).await.unwrap();
    }
    let page = |deployment, before, most| AuditPage {
        deployment,
        before,
        most,
    };
    let first = store.audit_trail(&page(None, None, 3)).await.unwrap();
    let last = first.last().map(|it| it.seq);
    let second = store.audit_trail(&page(None, last, 3)).await.unwrap();
    let seen: Vec<_> = first.into_iter().chain(second).map(|it| it.entry).collect();
    assert_eq!(seen, all.iter().rev().cloned().collect::<Vec<_>>());
    let of_one = store.audit_trail(&page(Some(one), None, 9)).await.unwrap();
    let actions: Vec<_> = of_one.iter().map(|it| it.entry.action.as_str()).collect();
    assert_eq!(actions, ["approve", "start"]);
}

async fn old_entries_are_forgotten_and_recent_ones_stay(database: &Database) {
    let store = database.open().await;
    for days in [3, 2, 0] {
        let entry = NewAuditEntry {
            at: now() - TimeDelta::days(days),
            actor: "ann".to_owned(),
            action: format!("{days}"),
            deployment: None,
            detail: String::new(),
            by_starter: false,
        };
        store.record(&entry).await.unwrap();
    }
    let limit = now() - TimeDelta::days(1);
    assert_eq!(store.forget_audit_before(limit).await.unwrap(), 2);
    assert_eq!(store.forget_audit_before(limit).await.unwrap(), 0);
    let page = AuditPage {
        deployment: None,
        before: None,
        most: 9,
    };
    let left = store.audit_trail(&page).await.unwrap();
    let left: Vec<_> = left.iter().map(|it| it.entry.action.as_str()).collect();
    assert_eq!(left, ["0"]);
}

/// Returns the actions and outcomes of the whole trail, oldest first.
async fn trail(store: &dyn Store) -> Vec<(String, Outcome)> {
    let page = AuditPage {
        deployment: None,
        before: None,
        most: 99,
    };
    let entries = store.audit_trail(&page).await.unwrap();
    let shown = entries.into_iter().rev();
    shown.map(|it| (it.entry.action, it.outcome)).collect()
}

async fn a_pending_entry_is_settled_once(database: &Database) {
    let store = database.open().await;
    let mut numbers = Vec::new();
    for action in ["done", "dropped", "unknown", "pending"] {
        numbers.push(store.intend(&said(action)).await.unwrap());
    }
    let settlements = [Settlement::Done, Settlement::Dropped, Settlement::Unknown];
    for (number, settlement) in numbers.iter().zip(settlements) {
        store.settle(*number, settlement).await.unwrap();
    }
    // A settled entry stays unchanged.
    for number in &numbers[..3] {
        store.settle(*number, Settlement::Dropped).await.unwrap();
        store.settle(*number, Settlement::Unknown).await.unwrap();
    }
    let expected = [
        ("done".to_owned(), Outcome::Done),
        ("unknown".to_owned(), Outcome::Unknown),
        ("pending".to_owned(), Outcome::Pending),
    ];
    assert_eq!(trail(store.as_ref()).await, expected);
}

async fn what_is_pending_after_the_end_is_dropped(database: &Database) {
    let store = database.open().await;
    let (ended, active, lost) = (of("a"), of("b"), of("c"));
    for (new, lease) in [(&ended, LONG), (&active, LONG), (&lost, NONE)] {
        store.enqueue(new, &[]).await.unwrap();
        let claim = store.claim("n", lease).await.unwrap().unwrap();
        let about = NewAuditEntry {
            deployment: Some(new.id),
            ..said(&new.target.repository)
        };
        store.intend(&about).await.unwrap();
        if new.id == ended.id {
            let _ = store
                .finish(&claim.lease, &ending(Reason::Applied))
                .await
                .unwrap();
        }
    }
    let unknown = ending(Reason::Unknown);
    let abandoned = store.abandon(lost.id, &unknown, &said("abandon")).await;
    assert!(abandoned.unwrap());
    assert_eq!(store.drop_late_intents().await.unwrap(), 1);
    let expected = [
        ("b".to_owned(), Outcome::Pending),
        ("c".to_owned(), Outcome::Unknown),
        ("abandon".to_owned(), Outcome::Done),
    ];
    assert_eq!(trail(store.as_ref()).await, expected);
}

async fn a_start_is_recorded_with_its_deployment_or_not_at_all(database: &Database) {
    let store = database.open().await;
    let new = of("a");
    let entries = [said("start"), said("approve")];
    store.enqueue(&new, &entries).await.unwrap();
    assert!(store.enqueue(&new, &entries).await.is_err());
    assert_eq!(trail(store.as_ref()).await.len(), 2);
    let cancelled = ending(Reason::Cancelled);
    let done = store.end_waiting(new.id, &cancelled, &said("cancel")).await;
    assert!(done.unwrap());
    let done = store.end_waiting(new.id, &cancelled, &said("cancel")).await;
    assert!(!done.unwrap());
    let seen = trail(store.as_ref()).await;
    let actions: Vec<_> = seen.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["start", "approve", "cancel"]);
}
