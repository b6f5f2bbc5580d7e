//! The journal: the request, and every event since.

use std::fs::File;
use std::io::{self, Read, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::session_dir::{SessionDir, open_to_append, sync_dir};
use crate::session::machine::event::Event;
use crate::session::{RecoverError, SessionId};

/// Version of the journal format.
const JOURNAL_VERSION: u32 = 1;
/// Longest journal that is read, in bytes: the largest possible request as JSON, and a few dozen events.
const MAX_JOURNAL_BYTES: u64 = 128 * 1024 * 1024;

/// The first line of a journal: the data that never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JournalHeader {
    version: u32,
    pub(crate) id: SessionId,
    pub(crate) at: DateTime<Utc>,
    /// The request, without its secrets.
    pub(crate) request: Value,
    /// Salt of every digest over values that may be secret.
    pub(crate) salt: String,
}

/// Any further line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JournalEntry {
    pub(crate) at: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// A journal that is being written.
///
/// An entry survives this process once [`append`](Self::append) has returned, and nothing that the entry announces
/// may be done before. [`Event::is_durable`] says which entries also survive a power loss.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Length of the valid part of the file.
    whole: u64,
    /// Entries that happened but could not be written; they are written before anything newer, or nothing newer is
    /// written.
    owed: Vec<u8>,
}

/// The parsed contents of a journal.
#[derive(Debug)]
pub(crate) struct JournalContents {
    pub(crate) opening: JournalHeader,
    pub(crate) entries: Vec<JournalEntry>,
    /// Length of the valid part of the file.
    whole: u64,
}

impl JournalHeader {
    pub(crate) fn new(id: SessionId, request: Value, salt: String) -> Self {
        Self {
            version: JOURNAL_VERSION,
            id,
            at: Utc::now(),
            request,
            salt,
        }
    }
}

impl Journal {
    /// Starts the journal of a new session.
    pub(crate) fn begin(session_dir: &SessionDir, opening: &JournalHeader) -> io::Result<Self> {
        let mut journal = Self {
            file: open_to_append(&session_dir.journal())?,
            whole: 0,
            owed: Vec::new(),
        };
        journal.write(opening, true)?;
        sync_dir(&session_dir.journal())?;
        sync_dir(session_dir.dir())?;
        Ok(journal)
    }

    /// Continues the journal of a recovered session.
    pub(crate) fn reopen(session_dir: &SessionDir, record: &JournalContents) -> io::Result<Self> {
        Ok(Self {
            file: open_to_append(&session_dir.journal())?,
            whole: record.whole,
            owed: Vec::new(),
        })
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// The error of the operating system; then the entry is not in the journal.
    pub(crate) fn append(&mut self, entry: &JournalEntry) -> io::Result<()> {
        self.write(entry, entry.event.is_durable())
    }

    /// Appends an entry that would be repeated if a power loss removed it; later entries sync it.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    pub(crate) fn append_unsynced(&mut self, entry: &JournalEntry) -> io::Result<()> {
        self.write(entry, false)
    }

    /// Keeps an entry in memory for an event that has happened even though it could not be written.
    pub(crate) fn append_later(&mut self, entry: &JournalEntry) {
        // Serializing an entry cannot fail.
        if let Ok(text) = serde_json::to_vec(entry) {
            self.owed.extend(text);
            self.owed.push(b'\n');
        }
    }

    /// Writes the entries kept in memory.
    ///
    /// # Errors
    /// The error of the operating system; then the entries are still kept.
    pub(crate) fn write_pending(&mut self) -> io::Result<()> {
        if self.owed.is_empty() {
            return Ok(());
        }
        self.write_text(&[], true)
    }

    fn write(&mut self, line: &impl Serialize, is_durable: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.write_text(&text, is_durable)
    }

    fn write_text(&mut self, newer: &[u8], is_durable: bool) -> io::Result<()> {
        let text = [&self.owed, newer].concat();
        let is_durable = is_durable || !self.owed.is_empty();
        // A partial line after a crash is not an entry, and must not become the beginning of one.
        self.file.set_len(self.whole)?;
        if let Err(fault) = self.add(&text, is_durable) {
            // The caller learns that the entry was not written. If truncation fails as well, the next write repeats
            // it.
            let _ = self.file.set_len(self.whole);
            return Err(fault);
        }
        self.whole += text.len() as u64;
        self.owed.clear();
        Ok(())
    }

    fn add(&mut self, text: &[u8], is_durable: bool) -> io::Result<()> {
        self.file.write_all(text)?;
        if is_durable {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl JournalContents {
    /// Reads the journal of a session.
    ///
    /// A last line without its newline was never durable, so nothing that it announces was done: it is ignored.
    pub(crate) fn read(session_dir: &SessionDir) -> Result<Self, RecoverError> {
        let dir = || session_dir.dir().to_owned();
        let mut text = Vec::new();
        match File::open(session_dir.journal()) {
            Ok(file) => file.take(MAX_JOURNAL_BYTES + 1).read_to_end(&mut text),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                return Err(RecoverError::NoSession { dir: dir() });
            }
            Err(fault) => Err(fault),
        }
        .map_err(|source| RecoverError::Read { dir: dir(), source })?;
        if text.len() as u64 > MAX_JOURNAL_BYTES {
            let fault = io::Error::other(format!("it is longer than {MAX_JOURNAL_BYTES} bytes"));
            return Err(RecoverError::Read {
                dir: dir(),
                source: fault,
            });
        }
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let malformed = |line: usize, problem: String| RecoverError::Malformed {
            dir: dir(),
            line: line + 1,
            problem,
        };
        let mut lines = text[..whole]
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate();
        let Some((_, first)) = lines.next() else {
            return Err(RecoverError::NoSession { dir: dir() });
        };
        let opening: JournalHeader =
            serde_json::from_slice(first).map_err(|fault| malformed(0, fault.to_string()))?;
        if opening.version > JOURNAL_VERSION {
            let problem = format!(
                "it is of version {}, this library reads up to {JOURNAL_VERSION}",
                opening.version
            );
            return Err(malformed(0, problem));
        }
        let entries = lines
            .map(|(at, line)| {
                serde_json::from_slice(line).map_err(|fault| malformed(at, fault.to_string()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            opening,
            entries,
            whole: whole as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn session_dir() -> (tempfile::TempDir, SessionDir) {
        let root = tempfile::tempdir().unwrap();
        let session_dir = SessionDir::at(root.path().join("session"));
        session_dir.create().unwrap();
        (root, session_dir)
    }

    fn entry(event: Event) -> JournalEntry {
        JournalEntry {
            at: Utc::now(),
            event,
        }
    }

    fn begun(session_dir: &SessionDir) -> Journal {
        let opening = JournalHeader::new(SessionId::new(), serde_json::json!({}), "salt".into());
        Journal::begin(session_dir, &opening).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let (_root, session_dir) = session_dir();
        let mut journal = begun(&session_dir);
        let run = Event::run_started("01-init".into());
        journal.append(&entry(Event::Prepared)).unwrap();
        journal.append(&entry(run.clone())).unwrap();
        let record = JournalContents::read(&session_dir).unwrap();
        let events: Vec<_> = record
            .entries
            .into_iter()
            .map(|entry| entry.event)
            .collect();
        assert_eq!(events, [Event::Prepared, run]);
    }

    #[test]
    fn torn_line_is_dropped_and_the_next_one_is_whole() {
        let (_root, session_dir) = session_dir();
        begun(&session_dir).append(&entry(Event::Prepared)).unwrap();
        let mut text = fs::read(session_dir.journal()).unwrap();
        let whole = text.len();
        text.extend_from_slice(b"{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"appr");
        fs::write(session_dir.journal(), &text).unwrap();
        let record = JournalContents::read(&session_dir).unwrap();
        assert_eq!((record.entries.len(), record.whole), (1, whole as u64));
        let mut journal = Journal::reopen(&session_dir, &record).unwrap();
        journal.append(&entry(Event::Expired)).unwrap();
        let events = JournalContents::read(&session_dir).unwrap().entries;
        assert_eq!(events.last().unwrap().event, Event::Expired);
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn what_could_not_be_written_comes_before_anything_newer() {
        let (_root, session_dir) = session_dir();
        let mut journal = begun(&session_dir);
        journal.append_later(&entry(Event::Prepared));
        journal.append_later(&entry(Event::Initialised { sandbox: None }));
        let read = || Event::OutputsRead {
            warnings: vec!["a warning".to_owned()],
        };
        journal.append(&entry(read())).unwrap();
        journal.append_later(&entry(Event::Expired));
        journal.write_pending().unwrap();
        journal.write_pending().unwrap();
        let entries = JournalContents::read(&session_dir).unwrap().entries;
        let events: Vec<_> = entries.into_iter().map(|entry| entry.event).collect();
        let expected = [
            Event::Prepared,
            Event::Initialised { sandbox: None },
            read(),
            Event::Expired,
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let (_root, session_dir) = session_dir();
        let mut journal = begun(&session_dir);
        journal.append(&entry(Event::Prepared)).unwrap();
        let mut text = fs::read_to_string(session_dir.journal()).unwrap();
        text.push_str("{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"surprise\"}\n");
        fs::write(session_dir.journal(), &text).unwrap();
        let fault = JournalContents::read(&session_dir).unwrap_err();
        assert!(
            matches!(&fault, RecoverError::Malformed { line: 3, .. }),
            "{fault}"
        );
    }

    #[test]
    fn a_directory_without_a_journal_holds_no_session() {
        let (_root, session_dir) = session_dir();
        let fault = JournalContents::read(&session_dir).unwrap_err();
        assert!(matches!(fault, RecoverError::NoSession { .. }), "{fault}");
        fs::write(session_dir.journal(), "{\"version\":1,").unwrap();
        let fault = JournalContents::read(&session_dir).unwrap_err();
        assert!(matches!(fault, RecoverError::NoSession { .. }), "{fault}");
    }
}
