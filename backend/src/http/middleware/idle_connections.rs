//! Idle connections: those before their first request, and those between two requests.
//!
//! An idle connection only takes one of the places for open connections. The number per address is limited, so that one
//! address cannot take all places. When an address opens one too many, its longest-idle connection is closed.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// Most idle connections of one address.
pub(crate) const MOST_SILENT: usize = 256;

/// The idle connections of all addresses.
#[derive(Debug, Default)]
pub(crate) struct Silent {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    by_address: HashMap<IpAddr, BTreeMap<u64, Arc<Notify>>>,
}

/// One connection. It starts idle.
#[derive(Debug)]
pub(crate) struct Seat {
    all: Arc<Silent>,
    address: IpAddr,
    cut: Arc<Notify>,
    /// Number among the idle connections; `None` during a request.
    number: Mutex<Option<u64>>,
}

/// A request in progress, until the end of its response.
#[derive(Debug)]
pub(crate) struct Busy {
    seat: Arc<Seat>,
}

/// A response body; dropping it ends the request.
struct TrackedBody {
    body: Body,
    _busy: Busy,
}

impl Silent {
    pub(crate) fn seat(self: &Arc<Self>, address: IpAddr) -> Arc<Seat> {
        let seat = Seat {
            all: Arc::clone(self),
            address: whole_network(address),
            cut: Arc::default(),
            number: Mutex::new(None),
        };
        seat.fall_silent();
        Arc::new(seat)
    }

    /// Adds an idle connection, and closes the oldest one of its address if there are too many.
    fn add(&self, address: IpAddr, cut: &Arc<Notify>) -> u64 {
        let mut inner = lock(&self.inner);
        let number = inner.next;
        inner.next += 1;
        let silent = inner.by_address.entry(address).or_default();
        silent.insert(number, Arc::clone(cut));
        if silent.len() > MOST_SILENT
            && let Some((_, oldest)) = silent.pop_first()
        {
            oldest.notify_one();
        }
        number
    }

    fn remove(&self, address: IpAddr, number: u64) {
        let mut inner = lock(&self.inner);
        if let Some(silent) = inner.by_address.get_mut(&address) {
            silent.remove(&number);
            if silent.is_empty() {
                inner.by_address.remove(&address);
            }
        }
    }
}

impl Seat {
    /// Completes when the connection must be closed.
    pub(crate) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// Marks the connection as busy with a request.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.speak();
        Busy {
            seat: Arc::clone(self),
        }
    }

    fn speak(&self) {
        if let Some(number) = lock(&self.number).take() {
            self.all.remove(self.address, number);
        }
    }

    fn fall_silent(&self) {
        let mut number = lock(&self.number);
        if number.is_none() {
            *number = Some(self.all.add(self.address, &self.cut));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.speak();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.seat.fall_silent();
    }
}

impl Busy {
    /// Keeps the connection busy until the response is sent.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        Body::new(TrackedBody { body, _busy: self })
    }
}

impl hyper::body::Body for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns the /64 network of an IPv6 address: one client has all of it.
fn whole_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_cut(seat: &Seat) -> bool {
        use futures_util::FutureExt;
        Box::pin(seat.cut()).now_or_never().is_some()
    }

    #[test]
    fn the_connection_that_is_silent_for_longest_goes() {
        let all = Arc::new(Silent::default());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let seats: Vec<_> = (0..MOST_SILENT).map(|_| all.seat(address)).collect();
        let call = seats[0].busy();
        let other = all.seat("192.0.2.2".parse().unwrap());
        let next = all.seat(address);
        assert!(!seats.iter().any(|seat| is_cut(seat)));
        let last = all.seat(address);
        assert!(is_cut(&seats[1]) && !is_cut(&seats[0]) && !is_cut(&seats[2]));
        // The request has ended, so there is one too many again.
        drop(call);
        assert!(is_cut(&seats[2]) && !is_cut(&seats[0]));
        assert!(!is_cut(&other) && !is_cut(&next) && !is_cut(&last));
        drop((seats, next, last, other));
        assert!(lock(&all.inner).by_address.is_empty());
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let network = |text: &str| whole_network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
