//! Merges all sources of stop requests to a supervisor into one stream.

use super::control_socket::ControlSocket;
use super::escalation::Signalled;
use crate::process::{OwnSignal, OwnSignals, SignalledRequest};
use crate::protocol::Control;
use crate::runner::link::{Link, Message};

/// One order to a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopRequest {
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
pub(crate) struct StopRequests {
    /// Also used for messages to the front.
    pub(crate) link: Link,
    signals: OwnSignals,
    /// Where other processes request a stop, if there is a run directory.
    pub(crate) control_socket: Option<ControlSocket>,
    front_gone: bool,
    /// Whether the front's stdout has no reader any more.
    pub(crate) reader_gone: bool,
}

impl StopRequests {
    pub(crate) const fn new(link: Link, signals: OwnSignals) -> Self {
        Self {
            link,
            signals,
            control_socket: None,
            front_gone: false,
            reader_gone: false,
        }
    }

    /// Waits for the first message of the front; returns `None` if it is gone.
    pub(crate) async fn first_message(&mut self) -> Option<Message> {
        self.link.receive().await
    }

    /// Returns an order that has already arrived.
    pub(crate) async fn waiting(&mut self) -> Option<StopRequest> {
        tokio::select! {
            biased;
            stop_request = self.next() => Some(stop_request),
            () = tokio::task::yield_now() => None,
        }
    }

    /// Waits for the next order. Cancel safe: no order is lost.
    pub(crate) async fn next(&mut self) -> StopRequest {
        loop {
            tokio::select! {
                message = self.link.receive(), if !self.front_gone => {
                    if let Some(stop_request) = self.take_in(message) {
                        return stop_request;
                    }
                }
                signal = self.signals.next() => return match signal {
                    OwnSignal::Requested(SignalledRequest::Cancel) => StopRequest::Cancel,
                    OwnSignal::Requested(SignalledRequest::Force) => StopRequest::Force,
                    OwnSignal::Interrupt | OwnSignal::Terminate | OwnSignal::HangUp => {
                        StopRequest::Signalled(Signalled::Supervisor)
                    }
                },
                Control::Cancel { force } = rung(&mut self.control_socket) => return match force {
                    false => StopRequest::Cancel,
                    true => StopRequest::Force,
                },
            }
        }
    }

    fn take_in(&mut self, message: Option<Message>) -> Option<StopRequest> {
        match message {
            None => {
                self.front_gone = true;
                self.reader_gone = true;
                Some(StopRequest::Disconnect)
            }
            Some(Message::ReaderGone) => {
                self.reader_gone = true;
                Some(StopRequest::Disconnect)
            }
            Some(Message::Cancel) => Some(StopRequest::Cancel),
            Some(Message::Signalled) => Some(StopRequest::Signalled(Signalled::Front)),
            Some(Message::Force) => Some(StopRequest::Force),
            Some(Message::Warning(sentence)) => Some(StopRequest::Warn(sentence)),
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
async fn rung(control_socket: &mut Option<ControlSocket>) -> Control {
    match control_socket {
        Some(control_socket) => control_socket.next().await,
        None => std::future::pending().await,
    }
}
