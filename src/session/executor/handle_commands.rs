//! Carries out or refuses the orders of handles.

use std::sync::Arc;

use chrono::Utc;

use super::Driver;
use crate::session::handle::command::{Command, PendingCommand};
use crate::session::machine::event::Event;
use crate::session::machine::state::{State, Stop};
use crate::session::request::RequestSecrets;
use crate::session::{DeployRequest, SessionError};

impl Driver {
    /// Carries out or refuses an order.
    pub(super) fn handle(&mut self, pending: PendingCommand) {
        let done = self.try_handle(pending.command);
        // The caller may be gone; the order is carried out anyway.
        let _ = pending.answer.send(done);
    }

    fn try_handle(&mut self, command: Command) -> Result<(), SessionError> {
        self.expire_if_due()?;
        let event = match command {
            Command::Supply(secrets) => {
                self.supply(&secrets)?;
                return Ok(());
            }
            Command::Approve(_) | Command::Reject(_) | Command::Stop { .. } => command.event(),
        };
        let Some(event) = event else {
            return Ok(());
        };
        if let Event::StopRequested { stop, .. } = &event {
            return self.handle_stop(*stop, event);
        }
        if let Event::Approved(_) = &event {
            // A transition error takes precedence over missing secrets.
            self.facts.after(&event)?;
            if let Some(missing) = &self.missing {
                return Err(SessionError::SecretsMissing {
                    names: missing.names.clone(),
                });
            }
        }
        self.happen(event)
    }

    /// Carries out a stop even if it cannot be written to the journal: a run must be stoppable on a full disk.
    fn handle_stop(&mut self, stop: Stop, event: Event) -> Result<(), SessionError> {
        self.facts.after(&event)?;
        if self.facts.stop() >= Some(stop) {
            return Ok(());
        }
        match (self.happen(event.clone()), &self.facts.state) {
            (Err(SessionError::Journal(_)), State::Active { .. }) => {
                self.take_in_memory(event);
                Ok(())
            }
            (done, _) => done,
        }
    }

    /// Expires the plan if an answer comes after the deadline, even if the timer is late.
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
