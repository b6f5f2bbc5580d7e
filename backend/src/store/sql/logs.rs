//! Log lines.

use async_trait::async_trait;
use iac_runner::session::Phase;

use super::{PostgresStore, SqliteStore};
use crate::store::columns::{count, signed, time, value_of};
use crate::store::{DeploymentId, Lease, LeaseState, Logs, StoreError, StoredLine};

/// Checks whether a lease is valid.
pub(super) const IS_CARRIED: &str =
    "SELECT epoch FROM deployments WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

const FROM: &str = "SELECT line, at, phase, text FROM log_lines \
    WHERE deployment = $1 AND line >= $2 ORDER BY line LIMIT $3";

/// Two statements for [`Logs::leave_out_lines`].
pub(super) const LEAVE_OUT: &str =
    "DELETE FROM log_lines WHERE deployment = $1 AND line >= $2 AND line <= $3";
pub(super) const INSERT_MARKER: &str =
    "INSERT INTO log_lines (deployment, line, at, phase, text) VALUES ($1, $2, $3, $4, $5)";

/// Extends the stored range of lines of a phase.
pub(super) const NOTE_PHASE: &str = "INSERT INTO log_phases (deployment, phase, first_line, last_line) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (deployment, phase) DO UPDATE SET \
    first_line = CASE WHEN excluded.first_line < log_phases.first_line THEN excluded.first_line \
        ELSE log_phases.first_line END, \
    last_line = CASE WHEN excluded.last_line > log_phases.last_line THEN excluded.last_line \
        ELSE log_phases.last_line END";

const PHASES: &str =
    "SELECT phase, first_line, last_line FROM log_phases WHERE deployment = $1 ORDER BY last_line";

/// Lines of the first page, read from the end; each further page has twice as many, up to `MOST_PAGE`. A line has at
/// most 64 KiB, and a page is held in memory.
const FIRST_PAGE: i64 = 256;
const MOST_PAGE: i64 = 1024;

/// Returns the phases of some lines, in order, each with its first and its last line.
pub(super) fn phases_of(lines: &[StoredLine]) -> Vec<(Phase, u64, u64)> {
    let mut phases: Vec<(Phase, u64, u64)> = Vec::new();
    for line in lines {
        match phases.last_mut() {
            Some((phase, _, last)) if *phase == line.phase => *last = line.line,
            Some(_) | None => phases.push((line.phase, line.line, line.line)),
        }
    }
    phases
}

#[derive(sqlx::FromRow)]
struct PhaseRow {
    phase: String,
    first_line: i64,
    last_line: i64,
}

/// Lines as one text, with the number of the first.
#[derive(sqlx::FromRow)]
struct PageRow {
    lines: i64,
    first_line: Option<i64>,
    text: Option<String>,
}

/// Returns the last `most_bytes` of a text, in whole lines, and whether something was cut off.
fn cut(text: &str, most_bytes: usize) -> (&str, bool) {
    if text.len() <= most_bytes {
        return (text, false);
    }
    let from = text.ceil_char_boundary(text.len() - most_bytes);
    // A line that begins exactly here is whole.
    let from = if text.as_bytes()[from - 1] == b'\n' {
        from
    } else {
        text[from..]
            .find('\n')
            .map_or(text.len(), |at| from + at + 1)
    };
    (&text[from..], true)
}

#[derive(sqlx::FromRow)]
struct LineRow {
    line: i64,
    at: i64,
    phase: String,
    text: String,
}

impl TryFrom<LineRow> for StoredLine {
    type Error = StoreError;

    fn try_from(row: LineRow) -> Result<Self, StoreError> {
        Ok(Self {
            line: count("line", row.line)?,
            at: time("at", row.at)?,
            phase: value_of("phase", row.phase)?,
            text: row.text,
        })
    }
}

macro_rules! logs {
    ($store:ty, $joined:literal) => {
        #[async_trait]
        impl Logs for $store {
            async fn add_lines(
                &self,
                lease: &Lease,
                lines: &[StoredLine],
            ) -> Result<LeaseState, StoreError> {
                self.insert_lines(lease, lines).await
            }

            async fn leave_out_lines(
                &self,
                lease: &Lease,
                marker: &StoredLine,
                last: u64,
            ) -> Result<LeaseState, StoreError> {
                self.replace_lines(lease, marker, last).await
            }

            async fn lines(
                &self,
                id: DeploymentId,
                from: u64,
                most: u32,
            ) -> Result<Vec<StoredLine>, StoreError> {
                sqlx::query_as::<_, LineRow>(FROM)
                    .bind(id.to_string())
                    .bind(signed(from))
                    .bind(i64::from(most))
                    .fetch_all(self.reads())
                    .await?
                    .into_iter()
                    .map(StoredLine::try_from)
                    .collect()
            }

            async fn end_of_log(
                &self,
                id: DeploymentId,
                phases: &[Phase],
                most_bytes: usize,
            ) -> Result<String, StoreError> {
                let page = concat!(
                    "SELECT COUNT(*) AS lines, MIN(line) AS first_line, ",
                    $joined,
                    " AS text FROM (SELECT line, text FROM log_lines WHERE deployment = $1 AND phase = $2 \
                     AND line >= $3 AND line <= $4 ORDER BY line DESC LIMIT $5) it"
                );
                let kept: Vec<PhaseRow> = sqlx::query_as(PHASES)
                    .bind(id.to_string())
                    .fetch_all(self.reads())
                    .await?;
                let mut pieces: Vec<String> = Vec::new();
                let mut room = most_bytes;
                for kept in kept.into_iter().rev() {
                    let phase: Phase = value_of("phase", kept.phase)?;
                    if !phases.contains(&phase) {
                        continue;
                    }
                    let (mut until, mut most) = (kept.last_line, FIRST_PAGE);
                    loop {
                        let row: PageRow = sqlx::query_as(page)
                            .bind(id.to_string())
                            .bind(phase.word())
                            .bind(kept.first_line)
                            .bind(until)
                            .bind(most)
                            .fetch_one(self.reads())
                            .await?;
                        let (Some(first), Some(mut text)) = (row.first_line, row.text) else {
                            break;
                        };
                        text.push('\n');
                        let (text, is_cut) = cut(&text, room);
                        room -= text.len();
                        pieces.push(text.to_owned());
                        if is_cut {
                            room = 0;
                        }
                        if room == 0 || row.lines < most {
                            break;
                        }
                        until = first - 1;
                        most = MOST_PAGE.min(most * 2);
                    }
                    if room == 0 {
                        break;
                    }
                }
                pieces.reverse();
                Ok(pieces.concat())
            }
        }
    };
}

logs!(SqliteStore, "GROUP_CONCAT(text, CHAR(10) ORDER BY line)");
logs!(PostgresStore, "STRING_AGG(text, CHR(10) ORDER BY line)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_cut_in_whole_lines() {
        assert_eq!(cut("one\ntwo\nthree\n", 14), ("one\ntwo\nthree\n", false));
        assert_eq!(cut("one\ntwo\nthree\n", 11), ("two\nthree\n", true));
        assert_eq!(cut("one\ntwo\nthree\n", 10), ("two\nthree\n", true));
        assert_eq!(cut("one\ntwo\nthree\n", 9), ("three\n", true));
        assert_eq!(cut("one\ntwo\n", 3), ("", true));
        assert_eq!(cut("one\n", 0), ("", true));
        assert_eq!(cut("\u{e9}\u{e9}\u{e9}\n", 4), ("", true));
    }
}
