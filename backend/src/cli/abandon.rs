//! `abandon`.

use std::error::Error;

use chrono::Utc;
use iac_runner::session::Reason;

use super::keys::ACTOR;
use super::with_store::{single_threaded, with_store};
use crate::config::Config;
use crate::store::{DeploymentId, Ending, NewAuditEntry, Store};

/// Ends a deployment whose node is lost, and records that its outcome is unknown.
pub(super) fn run(config: &Config, id: DeploymentId) -> Result<(), Box<dyn Error>> {
    with_store(single_threaded()?, &config.store, async |store| {
        abandon(store.as_ref(), id).await
    })
}

async fn abandon(store: &dyn Store, id: DeploymentId) -> Result<(), Box<dyn Error>> {
    let found = store.deployment(id).await?;
    let deployment = found.ok_or("there is no such deployment")?;
    let node = deployment.node.unwrap_or_default();
    let ending = Ending {
        reason: Reason::Unknown,
        error: format!(
            "the node `{node}`, which ran the deployment, was declared lost: the outcome is unknown, so check \
             the state and its lock before you deploy again"
        ),
        at: Utc::now(),
    };
    let entry = NewAuditEntry {
        at: ending.at,
        actor: ACTOR.to_owned(),
        action: "abandon".to_owned(),
        deployment: Some(id),
        detail: node,
        by_starter: false,
    };
    if !store.abandon(id, &ending, &entry).await? {
        return Err("no node runs it, or its node is alive: cancel it instead".into());
    }
    println!("`{id}` has ended as `unknown`");
    Ok(())
}
