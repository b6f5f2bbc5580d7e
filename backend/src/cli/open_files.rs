//! Room for as many connections as may be open: each is an open file.

use std::io;
use std::num::NonZeroU32;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// What is open beside connections: the database, and the logs, locks and runners of deployments.
const BESIDE: u64 = 1024;

/// Lifts the limit to open files as far as it has to be and this process may. What it starts gets the same limit.
///
/// # Errors
/// The system does not say what the limit is, or does not lift it.
pub(super) fn make_room(connections: NonZeroU32) -> io::Result<()> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = u64::from(connections.get()) + BESIDE;
    if now >= wanted {
        return Ok(());
    }
    if most < wanted {
        warn!(
            open_files = most,
            wanted, "more connections may come than this process may hold open: see `ulimit -Hn`"
        );
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, wanted.min(most), most)?)
}
