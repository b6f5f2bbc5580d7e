//! Short-lived tickets for browsers, whose `EventSource` cannot send a key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::key::KeyId;

/// Most tickets valid at once; above that, the oldest are dropped.
pub const MAX_TICKETS: usize = 10_000;
/// Bytes of a ticket: too many to guess.
const TICKET_BYTES: usize = 32;

/// What a ticket permits: reading the log of one deployment, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The deployment.
    pub deployment: String,
    /// The key that requested it; the ticket is worthless without it. `None` if no keys exist.
    pub key: Option<KeyId>,
}

/// The valid tickets, held only in memory.
///
/// A ticket is valid until it expires, not only once: an `EventSource` that lost its connection reconnects with the
/// same URL. URLs end up in the logs of proxies, hence the short lifetime and the narrow use.
#[derive(Debug)]
pub struct Tickets {
    lifetime: Duration,
    /// By the digest of the ticket, so that the time of a lookup reveals nothing about the ticket.
    good: Mutex<HashMap<[u8; 32], (Instant, Ticket)>>,
}

impl Tickets {
    /// Creates an empty set of tickets with this lifetime.
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            good: Mutex::default(),
        }
    }

    /// Issues a ticket.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn issue(&self, ticket: Ticket, now: Instant) -> Result<SecretString, getrandom::Error> {
        let mut bytes = [0; TICKET_BYTES];
        getrandom::fill(&mut bytes)?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.retain(|_, (made, _)| is_good(*made, now, self.lifetime));
        if good.len() >= MAX_TICKETS {
            let oldest = good.iter().min_by_key(|(_, (made, _))| *made);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                good.remove(&oldest);
            }
        }
        good.insert(Sha256::digest(&text).into(), (now, ticket));
        Ok(text.into())
    }

    /// Returns what a ticket permits, if it is valid for this deployment. The caller must check with the store whether
    /// its key is still valid.
    pub fn check(&self, text: &str, deployment: &str, now: Instant) -> Option<Ticket> {
        let digest: [u8; 32] = Sha256::digest(text).into();
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let (made, ticket) = good.get(&digest)?;
        (is_good(*made, now, self.lifetime) && ticket.deployment == deployment)
            .then(|| ticket.clone())
    }
}

fn is_good(made: Instant, now: Instant, lifetime: Duration) -> bool {
    now.saturating_duration_since(made) < lifetime
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn ticket(deployment: &str) -> Ticket {
        Ticket {
            deployment: deployment.to_owned(),
            key: "0123456789ab".parse().ok(),
        }
    }

    #[test]
    fn a_ticket_is_good_for_one_deployment_and_a_short_time() {
        let tickets = Tickets::new(Duration::from_secs(60));
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let text = tickets.issue(ticket("one"), now).unwrap();
        let check = |deployment, at| tickets.check(text.expose_secret(), deployment, at);
        assert_eq!(check("one", after(59)), Some(ticket("one")));
        assert_eq!(check("one", after(1)), Some(ticket("one")));
        assert_eq!(check("other", after(1)), None);
        assert_eq!(check("one", after(60)), None);
        assert_eq!(tickets.check("", "one", now), None);
    }

    #[test]
    fn tickets_take_bounded_memory() {
        let tickets = Tickets::new(Duration::from_secs(60));
        let now = Instant::now();
        let first = tickets.issue(ticket("first"), now).unwrap();
        for n in 0..MAX_TICKETS {
            let at = now + Duration::from_millis(1 + n as u64 / 1000);
            tickets.issue(ticket("more"), at).unwrap();
        }
        assert_eq!(tickets.good.lock().unwrap().len(), MAX_TICKETS);
        assert_eq!(tickets.check(first.expose_secret(), "first", now), None);
        let later = now + Duration::from_secs(120);
        tickets.issue(ticket("later"), later).unwrap();
        assert_eq!(tickets.good.lock().unwrap().len(), 1);
    }
}
