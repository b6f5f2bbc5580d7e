//! `keys create`, `keys list`, `keys revoke`.

use std::error::Error;

use chrono::{SecondsFormat, Utc};
use clap::Subcommand;

use super::with_store::{single_threaded, with_store};
use crate::auth::{KeyId, KeyText, Person, Role, Roles};
use crate::config::Config;
use crate::store::{NewAuditEntry, Settlement, Store, StoredKey};

#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeysCall {
    /// Create a key and print it; it cannot be shown again
    Create {
        /// Name of its owner, for the audit trail
        #[arg(value_parser = name)]
        name: String,
        /// Role: viewer, deployer, approver or admin; may be given more than once
        #[arg(
            long = "role",
            value_name = "ROLE",
            value_delimiter = ',',
            required = true
        )]
        roles: Vec<Role>,
    },
    /// List all keys, including revoked ones, without their secrets
    List,
    /// Revoke a key, effective at once
    Revoke {
        /// Its id: the twelve digits that `list` shows
        id: KeyId,
    },
}

/// Actor in the audit trail for the command line: anyone who can run this program with access to the database.
pub(super) const ACTOR: &str = "command line";
/// Longest name of a key, in bytes.
const MAX_NAME_BYTES: usize = 100;
/// Smallest width of the roles column: that of the longest single role.
const LEAST_ROLES_WIDTH: usize = 8;

/// Runs one `keys` command.
pub(super) fn run(config: &Config, call: KeysCall) -> Result<(), Box<dyn Error>> {
    with_store(
        single_threaded()?,
        &config.store,
        async |store| match call {
            KeysCall::Create { name, roles } => create(store.as_ref(), name, roles).await,
            KeysCall::List => list(store.as_ref()).await,
            KeysCall::Revoke { id } => revoke(store.as_ref(), &id).await,
        },
    )
}

async fn create(store: &dyn Store, name: String, roles: Vec<Role>) -> Result<(), Box<dyn Error>> {
    let roles = Roles::new(roles).ok_or("expected a role")?;
    let key = KeyText::generate()?;
    let stored = StoredKey {
        id: key.id().clone(),
        digest: key.digest().clone(),
        roles,
        name,
        created_at: Utc::now(),
        revoked_at: None,
    };
    let detail = format!("{} {} {}", stored.id, stored.roles, stored.name);
    let intent = store.intend(&entry("create key", detail)).await?;
    store.add_key(&stored).await?;
    store.settle(intent, Settlement::Done).await?;
    println!("{}", key.expose());
    Ok(())
}

async fn list(store: &dyn Store) -> Result<(), Box<dyn Error>> {
    let keys = store.keys().await?;
    let widths = keys.iter().map(|key| key.roles.to_string().len());
    let width = widths.max().unwrap_or_default().max(LEAST_ROLES_WIDTH);
    println!(
        "{:12}  {:width$}  {:20}  {:20}  WHOSE",
        "KEY", "ROLES", "CREATED", "REVOKED"
    );
    for key in keys {
        let time = |at: chrono::DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), time);
        println!(
            "{:12}  {:width$}  {:20}  {revoked:20}  {}",
            key.id.to_string(),
            key.roles,
            time(key.created_at),
            key.name
        );
    }
    Ok(())
}

async fn revoke(store: &dyn Store, id: &KeyId) -> Result<(), Box<dyn Error>> {
    let intent = store.intend(&entry("revoke key", id.to_string())).await?;
    if !store.revoke_key(id, Utc::now()).await? {
        store.settle(intent, Settlement::Dropped).await?;
        return Err(format!("there is no key `{id}` that is good").into());
    }
    store.settle(intent, Settlement::Done).await?;
    println!("`{id}` is revoked");
    Ok(())
}

fn entry(action: &str, detail: String) -> NewAuditEntry {
    NewAuditEntry {
        at: Utc::now(),
        actor: ACTOR.to_owned(),
        action: action.to_owned(),
        deployment: None,
        detail,
        by_starter: false,
    }
}

/// Parses a name that fits in one line of a list.
fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected a name, without control characters".to_owned());
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(format!("expected {MAX_NAME_BYTES} bytes at most"));
    }
    if Person::named(text) == Person::named("") {
        return Err("expected a name with visible characters".to_owned());
    }
    if Person::named(text).is_reserved() {
        return Err(
            "the service itself uses this name in the audit trail: choose another".to_owned(),
        );
    }
    Ok(text.trim().to_owned())
}
