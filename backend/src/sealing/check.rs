//! Checks that the key is the one that the database was sealed with.
//!
//! A service with another key could not decrypt the secrets of queued deployments, and would encrypt new ones that the
//! other services of the database cannot decrypt. So it does not start.

use thiserror::Error;

use super::{KeyError, KeyOrigin, SealError, Sealer, SealingKey};
use crate::config;
use crate::store::{Store, StoreError};

/// Why a sealer could not be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The key cannot be read or created.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is not the one that the database was sealed with.
    #[error(
        "the sealing key of {origin} is not the one that the database was sealed with: restore that key; if it is lost, stop \
         all services of the database and call `iac-backend replace-sealing-key`, after which deployments that wait have \
         lost the secrets of their requests"
    )]
    OtherKey {
        /// Where the key comes from.
        origin: KeyOrigin,
    },
    /// The check value could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Loads the configured key and compares it with the one that the database was sealed with. Creates a key only if the
/// database holds nothing sealed.
///
/// # Errors
/// The key is missing, or is another one.
pub async fn open_sealer(
    config: &config::Sealing,
    store: &dyn Store,
) -> Result<Sealer, CheckError> {
    if let Some(check) = store.sealing_check().await? {
        return expect_right(config, |sealer| sealer.opens_check(&check));
    }
    let sealer = match store.any_sealed_secrets().await? {
        // The database was created before check values existed.
        Some((id, sealed)) => expect_right(config, |sealer| sealer.open(id, &sealed).is_ok())?,
        None => Sealer::new(&SealingKey::of(config)?),
    };
    store.keep_sealing_check(&sealer.seal_check()?).await?;
    // If two services start at once, one of them was first.
    match store.sealing_check().await? {
        Some(check) if !sealer.opens_check(&check) => Err(other_key(config)),
        Some(_) | None => Ok(sealer),
    }
}

/// Makes the configured key the one that the database is sealed with; creates a missing key file.
///
/// # Errors
/// There is no key, or the store cannot save the check value.
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
