//! Everything that may tell a supervisor to stop, as one stream.

use super::doorbell::Doorbell;
use super::ladder::Signalled;
use super::link::{Link, Message};
use crate::process::{OwnSignal, OwnSignals, SignalledRequest};
use crate::protocol::Control;

/// One thing that a supervisor is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Stop gracefully.
    Cancel,
    /// Stop gracefully, on account of a signal that the tool may have got, too.
    Signalled(Signalled),
    /// End at once.
    Force,
    /// The front is gone, or nobody reads its stdout any more.
    Disconnect,
    /// Pass a sentence on.
    Warn(String),
}

/// The link to the front, and the signals to this process.
#[derive(Debug)]
pub(super) struct Orders {
    /// For what goes the other way.
    pub(super) link: Link,
    signals: OwnSignals,
    /// Where other processes ask for a stop, when there is a run directory.
    pub(super) doorbell: Option<Doorbell>,
    front_gone: bool,
    /// Whether nobody reads the front's stdout any more.
    pub(super) reader_gone: bool,
}

impl Orders {
    pub(super) const fn new(link: Link, signals: OwnSignals) -> Self {
        Self {
            link,
            signals,
            doorbell: None,
            front_gone: false,
            reader_gone: false,
        }
    }

    /// The first message of the front; `None` when it is gone.
    pub(super) async fn first_message(&mut self) -> Option<Message> {
        self.link.receive().await
    }

    /// An order that is there already.
    pub(super) async fn waiting(&mut self) -> Option<Order> {
        tokio::select! {
            biased;
            order = self.next() => Some(order),
            () = tokio::task::yield_now() => None,
        }
    }

    /// The next order. May be dropped and called again without losing one.
    pub(super) async fn next(&mut self) -> Order {
        loop {
            tokio::select! {
                message = self.link.receive(), if !self.front_gone => {
                    if let Some(order) = self.take_in(message) {
                        return order;
                    }
                }
                signal = self.signals.next() => return match signal {
                    OwnSignal::Requested(SignalledRequest::Cancel) => Order::Cancel,
                    OwnSignal::Requested(SignalledRequest::Force) => Order::Force,
                    OwnSignal::Interrupt | OwnSignal::Terminate | OwnSignal::HangUp => {
                        Order::Signalled(Signalled::Supervisor)
                    }
                },
                Control::Cancel { force } = rung(&mut self.doorbell) => return match force {
                    false => Order::Cancel,
                    true => Order::Force,
                },
            }
        }
    }

    fn take_in(&mut self, message: Option<Message>) -> Option<Order> {
        match message {
            None => {
                self.front_gone = true;
                self.reader_gone = true;
                Some(Order::Disconnect)
            }
            Some(Message::ReaderGone) => {
                self.reader_gone = true;
                Some(Order::Disconnect)
            }
            Some(Message::Cancel) => Some(Order::Cancel),
            Some(Message::Signalled) => Some(Order::Signalled(Signalled::Front)),
            Some(Message::Force) => Some(Order::Force),
            Some(Message::Warning(sentence)) => Some(Order::Warn(sentence)),
            Some(
                Message::Request(_)
                | Message::NoRequest(_)
                | Message::StoppedEarly
                | Message::Relayed
                | Message::Started(_),
            ) => None,
        }
    }
}

/// The next order on the socket; never returns without one.
async fn rung(doorbell: &mut Option<Doorbell>) -> Control {
    match doorbell {
        Some(doorbell) => doorbell.next().await,
        None => std::future::pending().await,
    }
}
