//! Starts and recovers sessions, and removes old ones.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OnceCell, mpsc, watch};

use super::executor::{Driver, Missing};
use super::handle::publisher::Published;
use super::outputs::Outputs;
use super::request::{RecordError, RequestSecrets};
use super::storage::journal::{Journal, JournalContents, JournalHeader};
use super::storage::log::Log;
use super::storage::projection::Projection;
use super::storage::session_dir::{SessionDir, SessionLock};
use super::{
    DeployRequest, RecoverError, Retention, Session, SessionId, Settings, Snapshot, StartError,
};
use crate::client::Runner;
use crate::plan::PlanSummary;
use crate::protocol::MAX_GRACE;

/// Orders that can wait in the queue of a session.
const ORDERS_AHEAD: usize = 16;

/// The sessions of a program: those below one directory.
///
/// While one of its clones exists, finished sessions are removed when their retention ends, including those of a
/// former process.
#[derive(Clone, Debug)]
pub struct Sessions {
    settings: Arc<Settings>,
    retention: Arc<Retention>,
}

/// A session of a former process, and whether it was recovered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The session's directory.
    pub dir: PathBuf,
    /// Its handle, or why it could not be recovered.
    pub session: Result<Session, RecoverError>,
}

impl Sessions {
    /// Opens the sessions below [`Settings::root`] and starts their retention.
    ///
    /// # Errors
    /// [`StartError::NoRuntime`] when this is not called under tokio; [`StartError::Root`] when the path of the
    /// directory cannot be passed to the tools.
    ///
    /// # Panics
    /// When tokio's runtime was built without its I/O or time driver.
    pub fn open(settings: Settings) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let mut settings = settings;
        // The tools run in another directory and get the path of the plan.
        settings.root = absolute(&settings.root);
        if let Some(problem) = problem_of_root(&settings.root) {
            let root = settings.root;
            return Err(StartError::Root { root, problem });
        }
        // The runner rejects a longer one.
        settings.grace = settings.grace.min(MAX_GRACE);
        let settings = Arc::new(settings);
        let retention = Retention::start(&runtime, settings.root.clone(), settings.retention);
        Ok(Self {
            settings,
            retention: Arc::new(retention),
        })
    }

    /// Returns the settings that all sessions share.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Removes the sessions older than [`Settings::retention`] now, and returns how many.
    ///
    /// This also happens automatically, at the start and periodically.
    pub fn remove_old(&self) -> usize {
        self.retention.remove_old()
    }

    /// Starts a deployment.
    ///
    /// # Errors
    /// [`StartError`], when the request is not valid or the session's directory cannot be created. Later failures
    /// are outcomes of the session.
    pub fn start(&self, request: DeployRequest) -> Result<Session, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        request.validate(&self.settings.flags)?;
        self.settings.check_source(&request)?;
        let id = SessionId::new();
        let session_dir = SessionDir::at(self.settings.root.join(id.to_string()));
        let salt = format!("{}{}", SessionId::new(), SessionId::new());
        let opening = JournalHeader::new(id, request.record(), salt);
        let started = begin(&session_dir, &opening);
        let (claim, journal, log) = started.map_err(|source| StartError::Directory {
            dir: session_dir.dir().to_owned(),
            source,
        })?;
        let facts = Projection::new(&opening, request.tool, request.operation);
        let parts = SessionParts {
            session_dir,
            claim,
            journal,
            log,
            facts,
            salt: opening.salt,
            request,
            missing: None,
        };
        Ok(self.spawn_driver(&runtime, parts))
    }

    /// Recovers a session of a former process, with the secrets of its request if they are available.
    ///
    /// A session that waits for an approval keeps waiting, with the same deadline. A running command is followed to
    /// its end. An interrupted phase that changes nothing is started again. An apply never is: it is followed, or
    /// it is known not to have begun, or the outcome is `unknown`. A session that has ended can be read.
    ///
    /// Without the secrets, a running command is followed to its end, and a plan waits but cannot be approved
    /// before [`Session::supply`] has supplied them; any other step that has to be started ends the session as
    /// `interrupted`.
    ///
    /// # Errors
    /// [`RecoverError`]; the session is unchanged.
    pub fn recover(
        &self,
        dir: impl AsRef<Path>,
        secrets: Option<&RequestSecrets>,
    ) -> Result<Session, RecoverError> {
        let runtime = Handle::try_current().map_err(|_| RecoverError::NoRuntime)?;
        let dir = &absolute(dir.as_ref());
        let session_dir = SessionDir::at(dir.clone());
        let read = |source| RecoverError::Read {
            dir: dir.to_owned(),
            source,
        };
        session_dir.restore_access().map_err(read)?;
        if !std::fs::exists(session_dir.journal()).map_err(read)? {
            return Err(RecoverError::NoSession {
                dir: dir.to_owned(),
            });
        }
        let claim = session_dir
            .claim()
            .map_err(read)?
            .ok_or_else(|| RecoverError::InUse {
                dir: dir.to_owned(),
            })?;
        let record = JournalContents::read(&session_dir)?;
        let malformed = |line, problem| RecoverError::Malformed {
            dir: dir.to_owned(),
            line,
            problem,
        };
        let (request, missing) =
            request_of(&record, secrets).map_err(|fault| malformed(1, fault.to_string()))?;
        let facts = Projection::of_record(&record, request.tool, request.operation)
            .map_err(|(line, fault)| malformed(line, fault.to_string()))?;
        let parts = SessionParts {
            journal: Journal::reopen(&session_dir, &record).map_err(read)?,
            log: Log::open(&session_dir.log()).map_err(read)?,
            session_dir,
            claim,
            facts,
            salt: record.opening.salt,
            request,
            missing,
        };
        Ok(self.spawn_driver(&runtime, parts))
    }

    /// Recovers every session below [`Settings::root`] that no process owns.
    ///
    /// `secrets` returns the values that are not stored on disk, by the session's id. Sessions that another process
    /// owns are skipped.
    ///
    /// # Errors
    /// The root exists but cannot be listed: sessions without an owner may remain.
    pub fn recover_all(
        &self,
        secrets: impl Fn(SessionId) -> Option<RequestSecrets>,
    ) -> io::Result<Vec<Recovered>> {
        let entries = match std::fs::read_dir(&self.settings.root) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let mut dirs = Vec::new();
        for entry in entries {
            dirs.push(entry?.path());
        }
        dirs.sort();
        let named = dirs.into_iter().filter_map(|dir| {
            let id: SessionId = dir.file_name()?.to_str()?.parse().ok()?;
            Some((id, dir))
        });
        let all = named.map(|(id, dir)| Recovered {
            session: self.recover(&dir, secrets(id).as_ref()),
            dir,
        });
        let ours = all.filter(|it| !matches!(it.session, Err(RecoverError::InUse { .. })));
        Ok(ours.collect())
    }

    fn spawn_driver(&self, runtime: &Handle, parts: SessionParts) -> Session {
        let (published, publisher) = Published::new(&parts.facts, parts.log.clone());
        // A plan that the journal does not record is made again, and may differ.
        if parts.facts.binding.is_some()
            && let Ok(Ok(plan)) = std::fs::read(parts.session_dir.plan_summary())
                .map(|text| serde_json::from_slice::<PlanSummary>(&text))
        {
            published.publish_plan(plan);
        }
        if let Ok(Ok(outputs)) =
            std::fs::read(parts.session_dir.outputs()).map(|text| Outputs::from_kept(&text))
        {
            published.publish_outputs(outputs);
        }
        let published = Arc::new(published);
        let (commands, ordered) = mpsc::channel(ORDERS_AHEAD);
        let session = Session {
            id: parts.facts.snapshot.id,
            dir: parts.session_dir.dir().to_owned(),
            log: parts.log.clone(),
            published: Arc::clone(&published),
            commands,
        };
        let driver = Driver {
            settings: Arc::clone(&self.settings),
            has_fetched: false,
            left_behind: parts.facts.run.clone(),
            stop: watch::Sender::new(parts.facts.stop()),
            session_dir: parts.session_dir,
            claim: parts.claim,
            journal: parts.journal,
            facts: parts.facts,
            salt: parts.salt,
            request: Arc::new(parts.request),
            missing: parts.missing,
            log: parts.log,
            commands: ordered,
            publisher,
            published,
            environment: Arc::new(OnceCell::new()),
            planned_by: Arc::default(),
        };
        runtime.spawn(driver.drive());
        session
    }
}

impl Session {
    /// Recovers the session in this directory, with default settings and the runner that [`Runner::locate`] finds;
    /// [`Sessions::recover`] does it with other settings, and with the secrets of the request.
    ///
    /// # Errors
    /// [`RecoverError`]; the session is unchanged.
    pub fn recover(dir: impl AsRef<Path>) -> Result<Self, RecoverError> {
        let dir = dir.as_ref();
        let runner = Runner::locate().map_err(|fault| RecoverError::Runner(Box::new(fault)))?;
        let root = dir.parent().unwrap_or(dir);
        let sessions = Sessions {
            settings: Arc::new(Settings::new(runner, root)),
            retention: Arc::new(Retention::none()),
        };
        sessions.recover(dir, None)
    }

    /// Returns the state of a session as its journal records it. Recovers nothing, and does not look whether another
    /// process runs the session.
    ///
    /// # Errors
    /// [`RecoverError`], when the journal is missing or cannot be read.
    pub fn recorded(dir: impl AsRef<Path>) -> Result<Snapshot, RecoverError> {
        let dir = dir.as_ref();
        let record = JournalContents::read(&SessionDir::at(dir.to_owned()))?;
        let malformed = |line, problem| RecoverError::Malformed {
            dir: dir.to_owned(),
            line,
            problem,
        };
        let (request, _) =
            request_of(&record, None).map_err(|fault| malformed(1, fault.to_string()))?;
        let facts = Projection::of_record(&record, request.tool, request.operation)
            .map_err(|(line, fault)| malformed(line, fault.to_string()))?;
        Ok(facts.snapshot)
    }
}

/// Makes a path absolute; returns it unchanged if the system has no current directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns why paths below this one cannot be passed to the tools.
fn problem_of_root(root: &Path) -> Option<&'static str> {
    match root.to_str() {
        None => Some("is not UTF-8"),
        // `-backend-config=/a=b/c` sets `/a` to `b/c`.
        Some(text) if text.contains('=') => Some("holds `=`"),
        Some(_) => None,
    }
}

/// The parts of a session that starts or is recovered.
struct SessionParts {
    session_dir: SessionDir,
    claim: SessionLock,
    journal: Journal,
    log: Log,
    facts: Projection,
    salt: String,
    request: DeployRequest,
    missing: Option<Missing>,
}

fn begin(
    session_dir: &SessionDir,
    opening: &JournalHeader,
) -> io::Result<(SessionLock, Journal, Log)> {
    session_dir.create()?;
    let claim = session_dir.claim()?.ok_or_else(|| {
        io::Error::other("another process has claimed the directory of a new session")
    })?;
    Ok((
        claim,
        Journal::begin(session_dir, opening)?,
        Log::open(&session_dir.log())?,
    ))
}

/// Restores the request of a record, complete if the secrets are given.
fn request_of(
    record: &JournalContents,
    secrets: Option<&RequestSecrets>,
) -> Result<(DeployRequest, Option<Missing>), RecordError> {
    let none = RequestSecrets::default();
    match DeployRequest::from_record(&record.opening.request, secrets.unwrap_or(&none)) {
        Ok(request) => Ok((request, None)),
        Err(RecordError::SecretsMissing { names }) => {
            let remembered = DeployRequest::remembered(&record.opening.request)?;
            let missing = Missing {
                record: record.opening.request.clone(),
                names,
            };
            Ok((remembered.request, Some(missing)))
        }
        Err(fault) => Err(fault),
    }
}
