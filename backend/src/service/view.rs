//! Where a deployment stands.

use chrono::{DateTime, Utc};
use iac_runner::session::{Phase, Session, Snapshot, Status};
use serde_json::Value;

use super::Service;
use super::mirror::json;
use crate::store::{Deployment, DeploymentId, Standing, StoreError};

/// Most bytes of the log of one phase in a status.
const MOST_LOG_BYTES: usize = 1024 * 1024;
/// Lines that are had from the store at a time.
const PAGE: u32 = 1000;

/// Where a deployment stands: its record, and what its session says now if this process carries it.
#[derive(Clone, Debug)]
pub struct View {
    /// The record.
    pub deployment: Deployment,
    /// What its session says, which may be a moment ahead of the record.
    pub snapshot: Option<Snapshot>,
    /// How far its checkout is, in the words of git.
    pub progress: Option<String>,
    /// Its place among those that wait, from 1.
    pub position: Option<u64>,
    /// Since when the node that carries it has given no sign of life; none if it has.
    pub node_silent_since: Option<DateTime<Utc>>,
}

impl View {
    /// Its status: what the session says now goes before what was kept.
    pub fn status(&self) -> Status {
        let of_record = self.deployment.progress.status;
        self.snapshot.as_ref().map_or(of_record, |now| now.status)
    }
}

impl Service {
    /// Where a deployment stands; none if there is none of this name.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn view(&self, id: DeploymentId) -> Result<Option<View>, StoreError> {
        let session = self.session(id);
        let is_carried_here = session.is_some();
        let Some(deployment) = self.store().deployment(id).await? else {
            return Ok(None);
        };
        let position = match deployment.standing {
            Standing::Waiting => self.store().position(id).await?,
            Standing::Active | Standing::Ended => None,
        };
        Ok(Some(View {
            progress: session.as_ref().and_then(Session::progress),
            snapshot: session
                .filter(|_| deployment.standing == Standing::Active)
                .map(|session| session.status()),
            node_silent_since: deployment
                .lease_until
                .filter(|until| *until < Utc::now() && !is_carried_here),
            deployment,
            position,
        }))
    }

    /// The summary of the plan, as JSON; none if there is none.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn plan(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.plan()) {
            Some(plan) => Ok(Some(json(plan.as_ref()))),
            None => self.store().plan(id).await,
        }
    }

    /// The outputs by name, sensitive values masked, as JSON; none if there are none.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn outputs(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.outputs()) {
            Some(outputs) => Ok(Some(json(outputs.as_ref()))),
            None => self.store().outputs(id).await,
        }
    }

    /// The log of these phases as text, each line with its newline; the last megabyte when it is longer.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn end_of_log(
        &self,
        id: DeploymentId,
        phases: &[Phase],
    ) -> Result<String, StoreError> {
        if let Some(session) = self.session(id) {
            return Ok(of_session(&session, phases));
        }
        let (mut text, mut next) = (String::new(), 0);
        loop {
            let lines = self.store().lines(id, next, PAGE).await?;
            let Some(last) = lines.last() else {
                return Ok(cut(text, MOST_LOG_BYTES));
            };
            next = last.line + 1;
            for line in lines.iter().filter(|line| phases.contains(&line.phase)) {
                text.push_str(&line.text);
                text.push('\n');
            }
            if text.len() > 2 * MOST_LOG_BYTES {
                text = cut(text, MOST_LOG_BYTES);
            }
        }
    }
}

fn of_session(session: &Session, phases: &[Phase]) -> String {
    phases
        .iter()
        .map(|phase| session.log_text(*phase, MOST_LOG_BYTES))
        .collect()
}

/// The last so many bytes, in whole lines.
fn cut(mut text: String, most_bytes: usize) -> String {
    if text.len() > most_bytes {
        let from = text.ceil_char_boundary(text.len() - most_bytes);
        let from = text[from..].find('\n').map_or(from, |at| from + at + 1);
        text.drain(..from);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_is_kept_in_whole_lines() {
        assert_eq!(cut("one\ntwo\nthree\n".to_owned(), 11), "two\nthree\n");
        assert_eq!(cut("one\ntwo\n".to_owned(), 8), "one\ntwo\n");
        assert_eq!(cut("\u{e9}\u{e9}\u{e9}\n".to_owned(), 4), "");
    }
}
