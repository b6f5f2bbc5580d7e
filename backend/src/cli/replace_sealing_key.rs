//! `replace-sealing-key`.

use std::error::Error;

use chrono::Utc;

use super::keys::ACTOR;
use super::with_store::{single_threaded, with_store};
use crate::config::Config;
use crate::sealing;
use crate::store::{NewAuditEntry, Settlement};

/// Makes the present sealing key the database's key, in place of a lost one.
pub(super) fn run(config: &Config) -> Result<(), Box<dyn Error>> {
    with_store(single_threaded()?, &config.store, async |store| {
        let entry = NewAuditEntry {
            at: Utc::now(),
            actor: ACTOR.to_owned(),
            action: "replace sealing key".to_owned(),
            deployment: None,
            detail: String::new(),
            by_starter: false,
        };
        let intent = store.intend(&entry).await?;
        sealing::replace_key(&config.sealing, store.as_ref()).await?;
        store.settle(intent, Settlement::Done).await?;
        println!("the database is sealed with the present key from now on");
        Ok(())
    })
}
