//! Orders from handles to a session.

use tokio::sync::oneshot;

use crate::session::SessionError;
use crate::session::machine::event::{Decision, Event};
use crate::session::machine::state::Stop;
use crate::session::request::RequestSecrets;
use crate::session::storage::projection::Projection;

/// An order of a handle, and the channel for the answer.
#[derive(Debug)]
pub(crate) struct PendingCommand {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Result<(), SessionError>>,
}

/// What a handle asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Approve(Decision),
    Reject(Decision),
    Stop { stop: Stop, by: String },
    Supply(RequestSecrets),
}

impl PendingCommand {
    /// Answers an order after the session has ended.
    pub(crate) fn refuse(self, facts: &Projection) {
        let refused = match self.command.event() {
            Some(event) => facts.after(&event).map(|_| ()).map_err(SessionError::from),
            None => Ok(()),
        };
        // The caller may be gone.
        let _ = self.answer.send(refused);
    }
}

impl Command {
    /// Returns the event for the order; `None` if nothing has to be recorded.
    pub(crate) fn event(&self) -> Option<Event> {
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
