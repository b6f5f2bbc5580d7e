//! Carries out or refuses the orders of handles.

use std::sync::Arc;

use chrono::Utc;

use super::Driver;
use crate::session::event::Event;
use crate::session::order::{Order, Wish};
use crate::session::request::RequestSecrets;
use crate::session::state::{State, Stop};
use crate::session::{DeployRequest, SessionError};

impl Driver {
    /// Carries out or refuses an order.
    pub(super) fn obey(&mut self, order: Order) {
        let done = self.try_obey(order.wish);
        // The caller may be gone; the order is carried out anyway.
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
        if let Event::StopRequested { stop, .. } = &event {
            return self.obey_stop(*stop, event);
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
    fn obey_stop(&mut self, stop: Stop, event: Event) -> Result<(), SessionError> {
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
