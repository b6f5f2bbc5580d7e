//! Merges all sources of stop requests to a supervisor into one stream.

use super::doorbell::Doorbell;
use super::ladder::Signalled;
use super::link::{Link, Message};
use crate::process::{OwnSignal, OwnSignals, SignalledRequest};
use crate::protocol::Control;

/// One order to a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Stop gracefully.
    Cancel,
    /// Stop gracefully, because of a signal that the tool may have received too.
    Signalled(Signalled),
    /// End at once.
    Force,
    /// The front is gone, or its stdout has no reader any more.
    Disconnect,
    /// Forward a sentence.
    Warn(String),
}

/// The link to the front, and the signals to this process.
#[derive(Debug)]
pub(super) struct Orders {
    /// Also used for messages to the front.
    pub(super) link: Link,
    signals: OwnSignals,
    /// Where other processes request a stop, if there is a run directory.
    pub(super) doorbell: Option<Doorbell>,
    front_gone: bool,
    /// Whether the front's stdout has no reader any more.
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

    /// Waits for the first message of the front; returns `None` if it is gone.
    pub(super) async fn first_message(&mut self) -> Option<Message> {
        self.link.receive().await
    }

    /// Returns an order that has already arrived.
    pub(super) async fn waiting(&mut self) -> Option<Order> {
        tokio::select! {
            biased;
            order = self.next() => Some(order),
            () = tokio::task::yield_now() => None,
        }
    }

    /// Waits for the next order. Cancel safe: no order is lost.
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

/// Waits for the next order on the socket; never returns without one.
async fn rung(doorbell: &mut Option<Doorbell>) -> Control {
    match doorbell {
        Some(doorbell) => doorbell.next().await,
        None => std::future::pending().await,
    }
}
