//! The log of a deployment so far, as text.

use std::sync::Arc;

use iac_runner::session::{Logs, Phase, Session};

use super::waiting_line;
use crate::store::{DeploymentId, Store, StoreError, StoredLine};

/// Most lines of a piece.
const PIECE: u32 = 1000;

/// A log that is read as fast as the client accepts it, with one piece in memory at a time.
pub(crate) struct LogText {
    store: Arc<dyn Store>,
    id: DeploymentId,
    /// `None` means all phases.
    phase: Option<Phase>,
    from: From,
}

/// Source of the lines.
enum From {
    /// A session of this process: its log has all lines, while the store may lag behind.
    Session(Logs),
    /// The store, from this line on.
    Store(u64),
    /// All lines are read.
    End,
}

impl LogText {
    /// Reads from the session, if this process has it.
    pub(super) fn new(
        store: Arc<dyn Store>,
        session: Option<&Session>,
        id: DeploymentId,
        phase: Option<Phase>,
    ) -> Self {
        let from = match session {
            Some(session) => From::Session(session.logs(0)),
            None => From::Store(0),
        };
        Self {
            store,
            id,
            phase,
            from,
        }
    }

    /// Returns the next lines, each with its newline; `None` at the end. A piece may be empty.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<String>, StoreError> {
        let lines: Vec<StoredLine> = match &mut self.from {
            From::Session(logs) => {
                let at_hand = std::iter::from_fn(|| logs.line_at_hand());
                at_hand.take(PIECE as usize).map(StoredLine::from).collect()
            }
            From::Store(next) => {
                let lines = self.store.lines(self.id, *next, PIECE).await?;
                *next = lines.last().map_or(*next, |last| last.line + 1);
                lines
            }
            From::End => return Ok(None),
        };
        if lines.is_empty() {
            return self.last_piece().await;
        }
        let is_wanted = |line: &&StoredLine| self.phase.is_none_or(|phase| line.phase == phase);
        let texts = lines.iter().filter(is_wanted);
        Ok(Some(
            texts.flat_map(|line| [line.text.as_str(), "\n"]).collect(),
        ))
    }

    /// Returns the line that names what a deployment waits for, which is not part of its log.
    async fn last_piece(&mut self) -> Result<Option<String>, StoreError> {
        let has_begun = matches!(self.from, From::Session(_)) || self.phase.is_some();
        self.from = From::End;
        if has_begun {
            return Ok(None);
        }
        let other = self.store.waits_for(self.id).await?;
        Ok(other.map(|other| waiting_line(other) + "\n"))
    }
}
