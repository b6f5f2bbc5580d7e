//! Raises the limit of open files to fit the connection limit.

use std::io;
use std::num::NonZeroU32;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Files open besides connections: the database, and the logs, locks and runners of deployments.
const BESIDE: u64 = 1024;

/// Raises the limit of open files as far as needed and allowed. Child processes inherit it.
///
/// # Errors
/// The system does not return or change the limit.
pub(super) fn make_room(connections: NonZeroU32) -> io::Result<()> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = u64::from(connections.get()) + BESIDE;
    if now >= wanted {
        return Ok(());
    }
    if most < wanted {
        warn!(
            open_files = most,
            wanted, "server.max_connections exceeds the limit of open files: see `ulimit -Hn`"
        );
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, wanted.min(most), most)?)
}
