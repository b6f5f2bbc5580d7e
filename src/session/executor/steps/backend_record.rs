//! Copies the tool's backend record between a session and a directory shared with other users.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::protocol::SandboxMode;
use crate::regular_file;
use crate::session::Operation;
use crate::session::executor::step_context::{StepContext, failed};
use crate::session::machine::event::{Event, FailureKind};
use crate::session::request::Source;
use crate::session::storage::local_state::{MAX_BACKEND_RECORD_BYTES, local_backends};
use crate::session::storage::session_dir::{SessionDir, write_aside};

/// Name of the file in the data directory in which the tool records the backend.
const BACKEND_RECORD: &str = "terraform.tfstate";

impl StepContext {
    /// Copies the backend record of a shared directory into the session.
    ///
    /// Without it, the tool assumes that existing state belongs to another backend, and asks whether to migrate it.
    pub(crate) fn take_over_backend(&self) -> Result<(), Event> {
        self.shared_backend_record().map_or(Ok(()), |shared| {
            copy_to_own(&shared, &self.session_dir, self.links()).map_err(|fault| {
                let error = format!("what the tool noted of the backend cannot be copied: {fault}");
                failed(FailureKind::Fault, error)
            })
        })
    }

    /// Copies the backend record to the shared directory for its next user. The selected workspace is in another
    /// file.
    ///
    /// A directory that is not writable can still be deployed.
    pub(crate) fn leave_backend(&self) {
        let Some(shared) = self.shared_backend_record() else {
            return;
        };
        if let Err(fault) = copy_to_shared(&shared, &self.session_dir, self.links()) {
            self.log(&format!(
                "[what the tool noted of the backend could not be left in `{}`: {fault}]",
                shared.display()
            ));
        }
    }

    fn links(&self) -> Links {
        match self.settings.sandbox.mode {
            SandboxMode::Off => Links::Followed,
            SandboxMode::Auto | SandboxMode::Required => Links::Refused,
        }
    }

    /// Returns the directory in which the tool records the backend when it runs without a session; `None` if the
    /// source belongs to this session.
    fn shared_backend_record(&self) -> Option<PathBuf> {
        match &self.request.source {
            Source::Directory(_) if self.request.operation != Operation::Validate => {
                let work_dir = self.work_dir().ok()?;
                Some(work_dir.join(".terraform"))
            }
            Source::Directory(_) | Source::Git(_) | Source::Files(_) => None,
        }
    }

    /// Warns that state in a file of the session's own directory is removed with the session.
    pub(crate) fn warn_of_local_state(&self) {
        let writes = matches!(
            self.request.operation,
            Operation::Deploy | Operation::Destroy
        );
        match self.home_of_state() {
            StateHome::OwnFile if writes => self.log(
                "[this configuration has no backend: its state is a file of this deployment alone, \
                 and no other deployment will know what it made]",
            ),
            StateHome::OwnBackend if writes => self.log(
                "[the backend of this configuration keeps its state in a file of this deployment alone, \
                 and no other deployment will know what it made]",
            ),
            StateHome::OwnFile
            | StateHome::OwnBackend
            | StateHome::Directory
            | StateHome::Backend { .. } => {}
        }
    }

    /// Says that nothing was there to destroy, and where the state would have been.
    pub(crate) fn nothing_to_destroy(&self) -> String {
        let text = match self.home_of_state() {
            StateHome::OwnFile => {
                "there was no state to destroy: this configuration has no backend, so each deployment has a \
                 state of its own in its working directory, and what another deployment made is not in it; \
                 to destroy that, give the configuration the backend that holds its state"
                    .to_owned()
            }
            StateHome::OwnBackend => {
                "there was no state to destroy: the backend of this configuration keeps its state in a file \
                 of this deployment alone, and what another deployment made is not in it"
                    .to_owned()
            }
            StateHome::Directory => {
                "there was nothing to destroy: the state of the directory that was deployed holds no resources"
                    .to_owned()
            }
            StateHome::Backend { kind } => {
                format!("there was nothing to destroy: the state in the backend `{kind}` holds no resources")
            }
        };
        match &self.request.workspace {
            Some(workspace) => format!("{text} (workspace `{workspace}`)"),
            None => text,
        }
    }

    fn home_of_state(&self) -> StateHome {
        let Ok(work_dir) = self.work_dir() else {
            return StateHome::Directory;
        };
        let local = local_backends(&self.session_dir, work_dir).unwrap_or_default();
        if local.iter().any(|it| it.is_within(self.session_dir.dir())) {
            return StateHome::OwnBackend;
        }
        let record = self.session_dir.data_dir().join(BACKEND_RECORD);
        match regular_file::read(&record, MAX_BACKEND_RECORD_BYTES) {
            Ok(record) => StateHome::Backend {
                kind: kind_of_backend(&record),
            },
            Err(_) if matches!(self.request.source, Source::Directory(_)) => StateHome::Directory,
            Err(_) => StateHome::OwnFile,
        }
    }
}

/// Where the state of a deployment is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
enum StateHome {
    /// In a file of this session: the configuration has no backend.
    OwnFile,
    /// In a file of this session, through a backend.
    OwnBackend,
    /// In the deployed directory.
    Directory,
    /// In a backend of this kind.
    Backend { kind: String },
}

/// Returns the kind of backend that the tool has recorded, such as `s3`.
fn kind_of_backend(record: &[u8]) -> String {
    let record: serde_json::Value = serde_json::from_slice(record).unwrap_or_default();
    let kind = record.pointer("/backend/type").and_then(|it| it.as_str());
    kind.unwrap_or("unknown").to_owned()
}

/// Whether a directory may be a link.
#[derive(Clone, Copy, Debug)]
enum Links {
    Followed,
    /// A confined tool may have created it, with a target that the tool itself can't access.
    Refused,
}

/// The tool's backend record, in its open directory.
#[derive(Debug)]
struct BackendRecord {
    folder: File,
}

impl BackendRecord {
    /// Opens the directory of the record; returns `None` if it does not exist.
    ///
    /// All names are looked up relative to the open directory: a tool may replace either by a link.
    fn in_folder(folder: &Path, links: Links) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let flags = match links {
            Links::Followed => OFlag::O_DIRECTORY,
            Links::Refused => OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW,
        };
        match options.read(true).custom_flags(flags.bits()).open(folder) {
            Ok(folder) => Ok(Some(Self { folder })),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Reads the record; returns `None` if it does not exist.
    fn read(&self) -> io::Result<Option<(Vec<u8>, Permissions)>> {
        let file = match regular_file::open_at(&self.folder, BACKEND_RECORD) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let access = file.metadata()?.permissions();
        let content = regular_file::read_all(file, MAX_BACKEND_RECORD_BYTES)?;
        Ok(Some((content, access)))
    }

    /// Replaces the record through a temporary file called `aside`.
    fn replace(
        &self,
        aside: &OsStr,
        content: &[u8],
        access: Option<Permissions>,
    ) -> io::Result<()> {
        // Left over from an interrupted session.
        match unlinkat(&self.folder, aside, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(fault) => return Err(fault.into()),
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o666);
        let mut file = File::from(openat(&self.folder, aside, flags, mode)?);
        file.write_all(content)?;
        if let Some(access) = access {
            file.set_permissions(access)?;
        }
        renameat(&self.folder, aside, &self.folder, BACKEND_RECORD)?;
        Ok(())
    }
}

fn copy_to_own(folder: &Path, session_dir: &SessionDir, links: Links) -> io::Result<()> {
    let own = session_dir.data_dir().join(BACKEND_RECORD);
    if own.exists() {
        return Ok(());
    }
    let Some(shared) = BackendRecord::in_folder(folder, links)? else {
        return Ok(());
    };
    let Some((record, _)) = shared.read()? else {
        return Ok(());
    };
    fs::create_dir_all(session_dir.data_dir())?;
    write_aside(&own, &record)
}

/// The new file keeps the permissions of the file that it replaces.
fn copy_to_shared(folder: &Path, session_dir: &SessionDir, links: Links) -> io::Result<()> {
    let Some(own) = BackendRecord::in_folder(&session_dir.data_dir(), Links::Refused)? else {
        return Ok(());
    };
    let Some((record, _)) = own.read()? else {
        return Ok(());
    };
    let shared = match BackendRecord::in_folder(folder, links)? {
        Some(shared) => shared,
        None => {
            fs::create_dir(folder)?;
            BackendRecord::in_folder(folder, links)?.ok_or(io::ErrorKind::NotFound)?
        }
    };
    let there = shared.read()?;
    if there.as_ref().is_some_and(|(there, _)| *there == record) {
        return Ok(());
    }
    let session = session_dir.dir().file_name().unwrap_or_default();
    shared.replace(session, &record, there.map(|(_, access)| access))
}
