//! Takes the node name at the start of a service.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;
use uuid::Uuid;

use super::data_dir::DataDir;
use crate::config::NODE_FILE;
use crate::service::OpenError;
use crate::store::{NameAnswer, Node, Store};

/// How often to ask whether a lease was renewed or has expired.
const RETAKE_EVERY: Duration = Duration::from_millis(500);

/// Takes the node name for this process. Returns the node, and since when it surely has the name.
///
/// If a process with a copy of this data directory, or with its original, has a valid lease, waits until the lease
/// expires: that process may have died.
///
/// # Errors
/// The name belongs to another data directory, a process with a copy of this one is alive, or the store cannot save the
/// name.
pub(crate) async fn take(
    store: &dyn Store,
    name: String,
    data_dir: &DataDir,
    lease: Duration,
) -> Result<(Node, Instant), OpenError> {
    let node = Node {
        name,
        identity: data_dir.identity()?,
        // A database in the data directory is copied together with it.
        place: if store.is_shared() {
            data_dir.place()
        } else {
            String::new()
        },
        process: Uuid::new_v4().to_string(),
    };
    let mut awaited = None;
    loop {
        let asked_at = Instant::now();
        match store.take_name(&node, lease).await? {
            NameAnswer::Taken => return Ok((node, asked_at)),
            NameAnswer::InUse { lease_left } => {
                return Err(OpenError::NodeInUse {
                    name: node.name,
                    // Rounded up, so that waiting this long is enough.
                    seconds_left: lease_left.as_secs() + 1,
                });
            }
            NameAnswer::Copied { lease_until, .. }
                if awaited.is_some_and(|it| it != lease_until) =>
            {
                return Err(OpenError::NodeCopied {
                    name: node.name,
                    identity_file: data_dir.dir().join(NODE_FILE),
                });
            }
            NameAnswer::Copied {
                lease_until,
                lease_left,
            } => {
                if awaited.is_none() {
                    warn!(
                        node = node.name,
                        seconds_left = lease_left.as_secs() + 1,
                        "a process with a copy of this data directory, or with its original, has a valid lease; waiting \
                         until it expires"
                    );
                }
                awaited = Some(lease_until);
                sleep(lease_left.min(RETAKE_EVERY)).await;
            }
            NameAnswer::Carries { deployments } => {
                return Err(OpenError::NodeCarries {
                    name: node.name,
                    deployments,
                });
            }
        }
    }
}
