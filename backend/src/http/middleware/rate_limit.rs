//! Rate limit per caller.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::auth::KeyId;
use crate::http::error::ApiError;

/// Number of requests between clean-ups of unused counters. The counters kept are bounded by the callers of one minute
/// plus this number.
const FORGET_EVERY: u32 = 1024;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Requests with this key.
    Key(KeyId),
    /// Requests without a valid key, by client address.
    Peer(IpAddr),
}

impl Counted {
    /// Returns the counter for an address. An IPv6 /64 network counts as one, because one host has all its addresses.
    pub(crate) fn peer(address: IpAddr) -> Self {
        Self::Peer(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Requests per minute for each caller; that many may also come at once.
#[derive(Debug)]
pub(crate) struct RateLimits {
    /// `None` means no limit.
    accounts: Option<DefaultKeyedRateLimiter<Counted>>,
    clock: DefaultClock,
    calls: AtomicU32,
}

impl RateLimits {
    pub(crate) fn new(calls_per_minute: Option<NonZeroU32>) -> Self {
        Self {
            accounts: calls_per_minute.map(|most| RateLimiter::keyed(Quota::per_minute(most))),
            clock: DefaultClock::default(),
            calls: AtomicU32::new(0),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`ApiError::TooMany`], with the time until the next request is allowed.
    pub(crate) fn admit(&self, caller: &Counted) -> Result<(), ApiError> {
        let Some(accounts) = &self.accounts else {
            return Ok(());
        };
        if self.calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            accounts.retain_recent();
        }
        accounts
            .check_key(caller)
            .map_err(|refused| ApiError::TooMany {
                again_after: refused.wait_time_from(self.clock.now()),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Counted {
        Counted::peer(address.parse().unwrap())
    }

    #[test]
    fn each_caller_has_an_account_of_its_own() {
        let limits = RateLimits::new(NonZeroU32::new(2));
        let (ann, bob) = (peer("10.0.0.1"), peer("10.0.0.2"));
        for caller in [&ann, &ann, &bob] {
            assert!(limits.admit(caller).is_ok());
        }
        match limits.admit(&ann) {
            Err(ApiError::TooMany { again_after }) => {
                assert!(again_after.as_secs() < 31 && !again_after.is_zero());
            }
            other => panic!("{other:?}"),
        }
        assert!(limits.admit(&bob).is_ok());
    }

    #[test]
    fn without_a_limit_every_call_is_admitted() {
        let limits = RateLimits::new(None);
        assert!((0..10_000).all(|_| limits.admit(&peer("::1")).is_ok()));
    }

    #[test]
    fn a_network_of_one_host_counts_as_one() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
    }
}
