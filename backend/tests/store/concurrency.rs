//! Many concurrent claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use iac_backend::store::{DeploymentId, LeaseState, Owner};
use iac_runner::session::Reason;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::test_env::{Database, LONG, NONE, ending, of, on_both};

on_both!(
    sixteen_claimers_never_share_a_deployment_or_a_workspace,
    one_of_many_takes_an_expired_deployment_over,
    deployments_that_come_while_others_claim_keep_workspaces_apart,
);

const CLAIMERS: usize = 16;
/// Handles of one database, as several processes would have.
const HANDLES: usize = 4;

/// What the claimers hold, as they see it themselves.
#[derive(Default)]
struct Seen {
    active: BTreeSet<String>,
    done: BTreeMap<DeploymentId, usize>,
    order: BTreeMap<String, Vec<u64>>,
}

async fn sixteen_claimers_never_share_a_deployment_or_a_workspace(database: &Database) {
    claim_all(database, 120, 15, true).await;
}

async fn deployments_that_come_while_others_claim_keep_workspaces_apart(database: &Database) {
    claim_all(database, 120, 3, false).await;
}

/// Claims and finishes this many deployments in this many workspaces.
async fn claim_all(database: &Database, total: usize, workspaces: usize, are_there: bool) {
    let mut stores = Vec::new();
    for _ in 0..HANDLES {
        stores.push(Arc::from(database.open().await));
    }
    let enqueue = {
        let store: Arc<dyn iac_backend::store::Store> = Arc::clone(&stores[0]);
        async move {
            for n in 0..total {
                let repository = format!("r{}", n % workspaces);
                store.enqueue(&of(&repository), &[]).await.unwrap();
            }
        }
    };
    let mut tasks = JoinSet::new();
    if are_there {
        enqueue.await;
    } else {
        tasks.spawn(enqueue);
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let finished = Arc::new(AtomicUsize::new(0));
    for n in 0..CLAIMERS {
        let store = Arc::clone(&stores[n % HANDLES]);
        let (seen, finished) = (Arc::clone(&seen), Arc::clone(&finished));
        tasks.spawn(async move {
            while finished.load(Ordering::SeqCst) < total {
                let Some(claim) = store.claim(&format!("n{n}"), LONG).await.unwrap() else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let key = claim.deployment.target.key();
                {
                    let mut seen = seen.lock().await;
                    assert!(seen.active.insert(key.clone()), "two are active in `{key}`");
                    *seen.done.entry(claim.deployment.id).or_default() += 1;
                    let order = seen.order.entry(key.clone()).or_default();
                    order.push(claim.deployment.seq);
                }
                tokio::task::yield_now().await;
                seen.lock().await.active.remove(&key);
                let held = store.finish(&claim.lease, &ending(Reason::Applied)).await;
                assert_eq!(held.unwrap(), LeaseState::Yes);
                finished.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let seen = seen.lock().await;
    assert_eq!(seen.done.len(), total);
    assert!(seen.done.values().all(|times| *times == 1));
    for order in seen.order.values() {
        assert!(order.is_sorted(), "{order:?}");
    }
}

async fn one_of_many_takes_an_expired_deployment_over(database: &Database) {
    let store = database.open().await;
    store.enqueue(&of("a"), &[]).await.unwrap();
    store.claim("lost", NONE).await.unwrap().unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..CLAIMERS {
        let store = database.open().await;
        tasks.spawn(async move {
            let node = format!("n{n}");
            let taken = store.take_over(&node, Owner::Expired, LONG).await;
            taken.unwrap().len()
        });
    }
    let mut taken = 0;
    while let Some(task) = tasks.join_next().await {
        taken += task.unwrap();
    }
    assert_eq!(taken, 1);
}
