//! What handles ask of a session.

use std::sync::Arc;

use chrono::Utc;
use tokio::sync::oneshot;

use super::Driver;
use crate::session::event::{Decision, Event};
use crate::session::facts::Facts;
use crate::session::request::RequestSecrets;
use crate::session::state::{State, Stop};
use crate::session::{DeployRequest, SessionError};

/// What a handle asks for, and where it waits for the answer.
#[derive(Debug)]
pub(in crate::session) struct Order {
    pub(in crate::session) wish: Wish,
    pub(in crate::session) answer: oneshot::Sender<Result<(), SessionError>>,
}

/// What a handle asks for.
#[derive(Debug)]
pub(in crate::session) enum Wish {
    Approve(Decision),
    Reject(Decision),
    Stop { stop: Stop, by: String },
    Supply(RequestSecrets),
}

impl Order {
    /// Answers for a session that is over.
    pub(super) fn refuse(self, facts: &Facts) {
        let refused = match self.wish.event() {
            Some(event) => facts.after(&event).map(|_| ()).map_err(SessionError::from),
            None => Ok(()),
        };
        // Who asked may have gone.
        let _ = self.answer.send(refused);
    }
}

impl Wish {
    fn event(&self) -> Option<Event> {
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

impl Driver {
    /// Does what was asked for, or nothing.
    pub(super) fn obey(&mut self, order: Order) {
        let done = self.try_obey(order.wish);
        // Who asked may have gone; it is done all the same.
        let _ = order.answer.send(done);
    }

    fn try_obey(&mut self, wish: Wish) -> Result<(), SessionError> {
        self.expire_if_due()?;
        let event = match wish {
            Wish::Supply(secrets) => {
                self.supply(&secrets)?;
                return Ok(());
            }
            Wish::Approve(_) | Wish::Reject(_) | Wish::Stop { .. } => wish.event(),
        };
        let Some(event) = event else {
            return Ok(());
        };
        if let Event::Approved(_) = &event {
            // Whether it fits is told first.
            self.facts.after(&event)?;
            if let Some(missing) = &self.missing {
                return Err(SessionError::SecretsMissing {
                    names: missing.names.clone(),
                });
            }
        }
        self.happen(event)
    }

    /// An answer that comes after the deadline finds the plan expired, however late the timer is.
    fn expire_if_due(&mut self) -> Result<(), SessionError> {
        match &self.facts.state {
            State::AwaitingApproval { deadline, .. } if *deadline <= Utc::now() => {
                self.happen(Event::Expired)
            }
            State::AwaitingApproval { .. } | State::Active { .. } | State::Finished(_) => Ok(()),
        }
    }

    fn supply(&mut self, secrets: &RequestSecrets) -> Result<(), SessionError> {
        let Some(missing) = &mut self.missing else {
            return Ok(());
        };
        match DeployRequest::from_record(&missing.record, secrets) {
            Ok(request) => {
                self.request = Arc::new(request);
                self.missing = None;
                Ok(())
            }
            Err(crate::session::RecordError::SecretsMissing { names }) => {
                missing.names.clone_from(&names);
                Err(SessionError::SecretsMissing { names })
            }
            Err(_) => Err(SessionError::SecretsMissing {
                names: missing.names.clone(),
            }),
        }
    }
}
