//! Orders from handles to a session.

use tokio::sync::oneshot;

use super::SessionError;
use super::event::{Decision, Event};
use super::facts::Facts;
use super::request::RequestSecrets;
use super::state::Stop;

/// An order of a handle, and the channel for the answer.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) wish: Wish,
    pub(super) answer: oneshot::Sender<Result<(), SessionError>>,
}

/// What a handle asks for.
#[derive(Debug)]
pub(super) enum Wish {
    Approve(Decision),
    Reject(Decision),
    Stop { stop: Stop, by: String },
    Supply(RequestSecrets),
}

impl Order {
    /// Answers an order after the session has ended.
    pub(super) fn refuse(self, facts: &Facts) {
        let refused = match self.wish.event() {
            Some(event) => facts.after(&event).map(|_| ()).map_err(SessionError::from),
            None => Ok(()),
        };
        // The caller may be gone.
        let _ = self.answer.send(refused);
    }
}

impl Wish {
    /// Returns the event for the order; `None` if nothing has to be recorded.
    pub(super) fn event(&self) -> Option<Event> {
        match self {
            Self::Approve(decision) => Some(Event::Approved(decision.clone())),
            Self::Reject(decision) => Some(Event::Rejected(decision.clone())),
            Self::Stop { stop, by } => Some(Event::StopRequested {
                stop: *stop,
                by: by.clone(),
            }),
            Self::Supply(_) => None,
        }
    }
}
