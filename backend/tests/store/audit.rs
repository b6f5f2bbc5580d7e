//! The audit trail.

use chrono::TimeDelta;
use iac_backend::store::{AuditPage, NewAuditEntry};

use crate::stand::{Database, now, of, on_both};

on_both!(
    the_trail_goes_back_page_by_page_and_by_deployment,
    old_entries_are_forgotten_and_recent_ones_stay,
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
