//! Finding, listing and deleting records.

use chrono::TimeDelta;
use iac_backend::store::{DeploymentFilter, LeaseState, StoredLine};
use iac_runner::session::{Operation, Phase, Reason, Status};

use crate::test_env::{Database, LONG, ending, now, of, on_both};

on_both!(
    a_record_comes_back_as_it_was_put_in,
    a_list_is_filtered_and_goes_page_by_page,
    what_ended_long_ago_is_forgotten_with_its_log,
);

async fn a_record_comes_back_as_it_was_put_in(database: &Database) {
    let mut new = of("https://h/\u{e9}'\"a");
    new.target.workspace = Some("blue".to_owned());
    new.operation = Operation::Destroy;
    new.sealed_secrets = None;
    database.open().await.enqueue(&new, &[]).await.unwrap();
    let store = database.open().await;
    let found = store.deployment(new.id).await.unwrap().unwrap();
    assert_eq!(found.target, new.target);
    assert_eq!((found.tool, found.operation), (new.tool, new.operation));
    assert_eq!(
        (found.record, found.started_by),
        (new.record, new.started_by)
    );
    assert_eq!(found.created_at, new.created_at);
    assert_eq!(found.progress.status, Status::Running);
    assert_eq!(found.progress.phase, Phase::Initializing);
    assert!(store.deployment(of("b").id).await.unwrap().is_none());
}

async fn a_list_is_filtered_and_goes_page_by_page(database: &Database) {
    let store = database.open().await;
    let base = now();
    let mut ids = Vec::new();
    for n in 0..7 {
        let mut new = of(if n % 2 == 0 { "even" } else { "odd" });
        new.created_at = base + TimeDelta::seconds(n);
        store.enqueue(&new, &[]).await.unwrap();
        ids.push(new.id);
    }
    ids.reverse();
    let listed = async |filter: DeploymentFilter| {
        let found = store.deployments(&filter).await.unwrap();
        found.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let all = DeploymentFilter {
        most: 100,
        ..DeploymentFilter::default()
    };
    assert_eq!(listed(all.clone()).await, ids);
    let odd = DeploymentFilter {
        repository: Some("odd".to_owned()),
        ..all.clone()
    };
    assert_eq!(listed(odd).await, [ids[1], ids[3], ids[5]]);
    let between = DeploymentFilter {
        since: Some(base + TimeDelta::seconds(2)),
        until: Some(base + TimeDelta::seconds(4)),
        ..all.clone()
    };
    assert_eq!(listed(between).await, ids[3..5]);
    let failed = DeploymentFilter {
        status: Some(Status::Failed),
        ..all.clone()
    };
    assert!(listed(failed).await.is_empty());

    let mut paged = Vec::new();
    let mut page = DeploymentFilter { most: 3, ..all };
    loop {
        let found = store.deployments(&page).await.unwrap();
        let Some(last) = found.last() else { break };
        page.before = Some(last.seq);
        paged.extend(found.iter().map(|it| it.id));
    }
    assert_eq!(paged, ids);
}

async fn what_ended_long_ago_is_forgotten_with_its_log(database: &Database) {
    let store = database.open().await;
    let (old, recent, waiting) = (of("a"), of("b"), of("c"));
    for new in [&old, &recent, &waiting] {
        store.enqueue(new, &[]).await.unwrap();
    }
    for ago in [TimeDelta::days(2), TimeDelta::zero()] {
        let claim = store.claim("n", LONG).await.unwrap().unwrap();
        let line = StoredLine {
            line: 0,
            at: now(),
            phase: Phase::Plan,
            text: "text".to_owned(),
        };
        let mut end = ending(Reason::Applied);
        end.at -= ago;
        let held = store.add_lines(&claim.lease, &[line]).await.unwrap();
        assert_eq!(held, LeaseState::Yes);
        assert_eq!(
            store.finish(&claim.lease, &end).await.unwrap(),
            LeaseState::Yes
        );
    }
    let limit = now() - TimeDelta::days(1);
    assert_eq!(store.forget_ended_before(limit).await.unwrap(), 1);
    assert_eq!(store.forget_ended_before(limit).await.unwrap(), 0);
    assert!(store.deployment(old.id).await.unwrap().is_none());
    assert_eq!(store.lines(old.id, 0, 10).await.unwrap().len(), 0);
    assert_eq!(store.lines(recent.id, 0, 10).await.unwrap().len(), 1);
    assert!(store.deployment(waiting.id).await.unwrap().is_some());
}
