//! Whether the key is the one that the database was sealed with.
//!
//! A service with another key could open no secrets of deployments that wait, and would seal new ones so that the other
//! services of the database can't open them. So it does not start.

use thiserror::Error;

use super::{KeyError, KeyOrigin, SealError, Sealer, SealingKey};
use crate::config;
use crate::store::{Store, StoreError};

/// Why a service has no sealer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The key can't be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is another one.
    #[error(
        "the sealing key of {origin} is not the one that the database was sealed with: restore that key; if it is lost, stop \
         all services of the database and call `iac-backend replace-sealing-key`, after which deployments that wait have \
         lost the secrets of their requests"
    )]
    OtherKey {
        /// Where the key comes from.
        origin: KeyOrigin,
    },
    /// The check could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the key of the configuration and compares it with what the database was sealed with. Makes a key only where the
/// database holds nothing sealed.
///
/// # Errors
/// There is no key, or it is another one.
pub async fn open_sealer(
    config: &config::Sealing,
    store: &dyn Store,
) -> Result<Sealer, CheckError> {
    if let Some(check) = store.sealing_check().await? {
        return expect_right(config, |sealer| sealer.opens_check(&check));
    }
    let sealer = match store.any_sealed_secrets().await? {
        // A database from before there was a check.
        Some((id, sealed)) => expect_right(config, |sealer| sealer.open(id, &sealed).is_ok())?,
        None => Sealer::new(&SealingKey::of(config)?),
    };
    store.keep_sealing_check(&sealer.seal_check()?).await?;
    // Of two services that start at once, one was first.
    match store.sealing_check().await? {
        Some(check) if !sealer.opens_check(&check) => Err(other_key(config)),
        Some(_) | None => Ok(sealer),
    }
}

/// Makes the present key the one that the database is sealed with; a missing key file is made.
///
/// # Errors
/// There is no key, or the store can't keep that.
pub async fn replace_key(config: &config::Sealing, store: &dyn Store) -> Result<(), CheckError> {
    let sealer = Sealer::new(&SealingKey::of(config)?);
    Ok(store.replace_sealing_check(&sealer.seal_check()?).await?)
}

fn expect_right(
    config: &config::Sealing,
    is_right: impl FnOnce(&Sealer) -> bool,
) -> Result<Sealer, CheckError> {
    let sealer = Sealer::new(&SealingKey::existing(config)?);
    if is_right(&sealer) {
        Ok(sealer)
    } else {
        Err(other_key(config))
    }
}

fn other_key(config: &config::Sealing) -> CheckError {
    CheckError::OtherKey {
        origin: KeyOrigin::of(config),
    }
}
