//! Prepares what the commands need, and fetches the source.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkout::{
    CheckoutError, Credentials, GitSource, Options, check_out_unless, contained, is_local,
    remove_unfinished,
};
use crate::process::remove_tree;
use crate::protocol::json::exact_number;
use crate::regular_file;
use crate::session::approval::tree;
use crate::session::executor::step_context::{StepContext, failed, sentence};
use crate::session::machine::event::{Event, FailureKind, StopEnd};
use crate::session::request::{Git, Source};
use crate::session::storage::session_dir::write_aside;

/// Start of the error when the source cannot be read.
const UNREADABLE: &str = "the source cannot be read";
/// Longest list of file names that is read: a million long ones.
const MAX_SOURCE_LIST_BYTES: u64 = 256 * 1024 * 1024;

impl StepContext {
    /// Writes variables, backend settings and registry access.
    pub(crate) async fn prepare(&self) -> Event {
        self.log("Preparing the deployment...");
        let request = &self.request;
        let files = [
            (
                self.session_dir.variables(),
                request.variables.is_empty(),
                serde_json::to_string(&request.variables)
                    .map(|json| exact_number::restore(&json).into_owned().into_bytes()),
            ),
            (
                self.session_dir.backend_config(),
                request.backend_config.is_empty(),
                serde_json::to_vec(&request.backend_config),
            ),
        ];
        // An empty file is not passed to any command.
        for (path, _, content) in files.into_iter().filter(|(_, is_empty, _)| !is_empty) {
            let written = content
                .map_err(io::Error::from)
                .and_then(|content| write_aside(&path, &content));
            if let Err(fault) = written {
                let error = format!("`{}` could not be written: {fault}", path.display());
                return failed(FailureKind::Fault, error);
            }
        }
        match self.environment().await {
            Ok(_) => Event::Prepared,
            Err(event) => event,
        }
    }

    /// Fetches the source from wherever it is, and records how to recognize it again.
    pub(crate) async fn fetch(&self) -> Event {
        match self.obtain().await {
            Event::CheckedOut {
                commit,
                root,
                work_dir,
                digest: None,
            } if !matches!(self.request.source, Source::Directory(_)) => {
                match self.note_source(&root, &work_dir).await {
                    Ok(digest) => Event::CheckedOut {
                        commit,
                        root,
                        work_dir,
                        digest: Some(digest),
                    },
                    Err(event) => event,
                }
            }
            event => event,
        }
    }

    /// Checks that each file of the source is still as it was checked out; `init` and `plan` may have added more
    /// files.
    ///
    /// A checkout is not synced, so a power loss may leave it with empty files: a plan of those would destroy
    /// everything.
    pub(crate) async fn source_is_intact(&self) -> Result<(), Event> {
        let checkout = self.checkout()?;
        let Some(fetched) = &checkout.digest else {
            return Ok(());
        };
        let (root, work_dir) = (checkout.root.clone(), checkout.work_dir.clone());
        let list = self.session_dir.source_list();
        let now = self.look(UNREADABLE, move |is_stopped| {
            // `None` for a source that was fetched before file lists existed.
            let names = regular_file::read_if_there(&list, MAX_SOURCE_LIST_BYTES)?;
            tree::of_fetched(&root, &work_dir, names.as_deref(), is_stopped)
        });
        if now.await? == *fetched {
            return Ok(());
        }
        let error = "the source has changed since it was checked out; nothing was applied: start a new deployment";
        Err(failed(FailureKind::Fault, error))
    }

    /// Records which files were fetched; returns their digest.
    async fn note_source(&self, root: &Path, work_dir: &Path) -> Result<String, Event> {
        let (root, work_dir) = (root.to_owned(), work_dir.to_owned());
        let list = self.session_dir.source_list();
        self.look(UNREADABLE, move |is_stopped| {
            let fetched = tree::of_source(&root, &work_dir, is_stopped)?;
            write_aside(&list, &fetched.names)?;
            Ok(fetched.digest)
        })
        .await
    }

    async fn obtain(&self) -> Event {
        // An incomplete checkout of a former process is useless.
        let source = self.session_dir.source();
        // A process that git started may still write into it; then it stays, and does no harm.
        let _ = remove_unfinished(&source);
        let left = remove_tree(&source);
        if let Err(fault) = left.or_else(absent_is_fine) {
            let error = format!("what is left of a former checkout is in the way: {fault}");
            return failed(FailureKind::Internal, error);
        }
        match &self.request.source {
            Source::Git(git) => self.clone_repository(git).await,
            Source::Directory(directory) => self.enter(directory),
            Source::Files(files) => {
                let source = self.session_dir.source();
                for (name, text) in files {
                    let path = source.join(name);
                    let made = path
                        .parent()
                        .map_or(Ok(()), fs::create_dir_all)
                        .and_then(|()| fs::write(&path, text));
                    if let Err(fault) = made {
                        let error = format!("`{name}` could not be written: {fault}");
                        return failed(FailureKind::Fault, error);
                    }
                }
                self.enter(&source)
            }
        }
    }

    fn enter(&self, root: &Path) -> Event {
        let entered = root
            .canonicalize()
            .map_err(|fault| format!("`{}` cannot be entered: {fault}", root.display()))
            .and_then(|root| {
                let work_dir = contained(&root, &self.request.path).map_err(|it| sentence(&it))?;
                Ok((root, work_dir))
            });
        match entered {
            Ok((root, work_dir)) if work_dir.is_dir() => Event::CheckedOut {
                commit: None,
                root,
                work_dir,
                digest: None,
            },
            Ok(_) => failed(
                FailureKind::Fault,
                format!("`path`: `{}` is not a directory", self.request.path),
            ),
            Err(error) => failed(FailureKind::Fault, error),
        }
    }

    async fn clone_repository(&self, git: &Git) -> Event {
        self.log(&format!("Cloning {} at {}...", git.url, git.git_ref));
        let source = GitSource {
            url: git.url.clone(),
            git_ref: git.git_ref.clone(),
            path: self.request.path.clone(),
            credentials: credentials(git),
            submodules: git.submodules,
            depth: git.depth,
        };
        let options = Options {
            timeout: self.settings.checkout_timeout,
            mirror_cache: self
                .settings
                .mirror_cache
                .clone()
                .filter(|_| !is_local(&git.url)),
            progress: Some(self.published.progress.clone()),
            sandbox: self.settings.sandbox.clone(),
            allowed_hosts: self.settings.allowed_git_hosts.clone(),
        };
        let into = self.session_dir.source();
        let mut on_line = |line: &str| self.log(line);
        let checked_out =
            check_out_unless(&source, &into, &options, &mut on_line, self.stopped()).await;
        self.published.progress.send_replace(None);
        match checked_out {
            Ok(checked_out) => {
                self.log(&format!("Checked out commit {}", checked_out.commit));
                Event::CheckedOut {
                    commit: Some(checked_out.commit),
                    root: checked_out.root,
                    work_dir: checked_out.work_dir,
                    digest: None,
                }
            }
            Err(CheckoutError::Stopped) => Event::Stopped {
                end: StopEnd::Graceful,
                error: "the deployment was cancelled during the checkout".to_owned(),
                state: None,
            },
            Err(fault) => {
                let kind = match fault {
                    CheckoutError::TimedOut { .. } => FailureKind::TimedOut,
                    _ => FailureKind::Fault,
                };
                failed(kind, sentence(&fault))
            }
        }
    }

    /// Returns the variable files, each within the source.
    pub(crate) fn tfvars_files(&self) -> Result<Vec<PathBuf>, Event> {
        let checkout = self.checkout()?;
        let found = self.request.tfvars_files.iter().map(|file| {
            let from_root = checkout
                .work_dir
                .strip_prefix(&checkout.root)
                .unwrap_or(Path::new(""))
                .join(file);
            contained(&checkout.root, &from_root.to_string_lossy()).map_err(|fault| {
                let error = format!("`tfvars_files`: `{file}`: {}", sentence(&fault));
                failed(FailureKind::Fault, error)
            })
        });
        found.collect()
    }
}

pub(crate) fn credentials(git: &Git) -> Credentials {
    match (&git.auth, &git.ssh) {
        (Some(auth), _) => Credentials::Basic {
            username: auth.username.clone(),
            password: auth.password.clone(),
        },
        (None, Some(ssh)) => Credentials::Ssh {
            private_key: ssh.private_key.clone(),
            known_hosts: ssh.known_hosts.clone(),
        },
        (None, None) => Credentials::None,
    }
}

fn absent_is_fine(fault: io::Error) -> io::Result<()> {
    match fault.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(fault),
    }
}
