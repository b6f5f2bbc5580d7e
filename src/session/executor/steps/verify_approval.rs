//! Measures what an approval is bound to, and compares it with what was approved.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use secrecy::ExposeSecret;

use crate::checkout::CommitSha;
use crate::regular_file;
use crate::session::approval::binding::Binding;
use crate::session::approval::executable_identity::ToolFile;
use crate::session::approval::hash;
use crate::session::approval::reach::ReadableDirs;
use crate::session::approval::{modules, tree};
use crate::session::executor::run::commands::counts_as_inherited;
use crate::session::executor::step_context::{StepContext, failed};
use crate::session::executor::steps::ephemeral;
use crate::session::machine::event::{Event, FailureKind};
use crate::session::storage::projection::CheckoutFacts;
use crate::session::storage::session_dir::SessionDir;

/// Start of the error when something cannot be measured.
const UNREADABLE: &str = "what the plan is bound to cannot be read";

/// Longest `.git/HEAD` that is read: a detached one holds a commit.
const MAX_HEAD_BYTES: u64 = 4096;

impl StepContext {
    /// Checks that the current state is what was approved; if it is, the apply may begin.
    pub(crate) async fn check(&self, run: String) -> Event {
        let Some(approved) = &self.binding else {
            return failed(FailureKind::Internal, "there is no plan to apply");
        };
        // The runner checks the version before it starts the tool, unless the version is known.
        match self.measure_again(approved.tool_version.clone()).await {
            Err(event) => void(event),
            Ok(now) => {
                let differing = approved.differences(&now);
                if differing.is_empty() {
                    Event::run_started(run)
                } else {
                    failed(
                        FailureKind::Void,
                        format!(
                            "what is there now is not what was approved: {} changed; nothing was applied: \
                             start a new deployment",
                            differing.join(", ")
                        ),
                    )
                }
            }
        }
    }

    async fn measure_again(&self, tool_version: Option<String>) -> Result<Binding, Event> {
        let configuration = self.configuration().await?;
        self.measure(tool_version, configuration).await
    }

    /// Measures what an approval is bound to, given the digest of the configuration.
    pub(crate) async fn measure(
        &self,
        tool_version: Option<String>,
        configuration: String,
    ) -> Result<Binding, Event> {
        // Variables that the session adds override inherited ones.
        self.environment().await?;
        let context = self.clone();
        let lock_file = self.work_dir()?.join(".terraform.lock.hcl");
        self.look(UNREADABLE, move |is_stopped| {
            context.session_dir.restore_access()?;
            Ok(Binding {
                plan_file: hash::of_file(&context.session_dir.plan_file(), is_stopped)?,
                summary: hash::of_file(&context.session_dir.plan_summary(), is_stopped)?,
                lock_file: hash::of_file(&lock_file, is_stopped)?,
                commit: context.commit_of_source(),
                configuration,
                tool: context.tool_file()?,
                tool_version,
                variables: context.digest_of_variables(is_stopped)?,
            })
        })
        .await
    }

    /// Returns the program that the tool's name resolves to now; `None` if it does not exist.
    pub(crate) fn tool_file(&self) -> io::Result<Option<ToolFile>> {
        ToolFile::find(self.request.tool.program(), &self.search_path())
    }

    /// Returns whether the program is known to have the version that made the plan, without running it.
    ///
    /// Both tools reject a plan that another version made, so the program that made or showed this plan has its
    /// version as long as the file is unchanged. If a person approves, the program is asked anyway.
    pub(crate) fn is_known_to_be_of_the_version(&self) -> bool {
        let bound = self.binding.as_ref().and_then(|it| it.tool.as_ref());
        self.request.auto_approve && bound.is_some() && bound == self.planned_by.get()
    }

    /// Returns whether the apply needs the variables of the plan again.
    pub(crate) fn needs_variables_again(&self, version: &str) -> bool {
        let tool = self.request.tool;
        self.work_dir()
            .is_ok_and(|work_dir| ephemeral::are_needed_by(tool, version, work_dir))
    }

    /// Returns the digest of the source, and of the modules that were downloaded for it or that are beside it.
    pub(crate) async fn configuration(&self) -> Result<String, Event> {
        let checkout = self.checkout()?.clone();
        let session_dir = self.session_dir.clone();
        let sandbox = self
            .confined_by
            .as_ref()
            .map(|_| self.settings.sandbox.clone());
        self.look(UNREADABLE, move |is_stopped| {
            let reach = match sandbox {
                Some(sandbox) => {
                    ReadableDirs::confined(&sandbox, &[&checkout.root, session_dir.dir()])?
                }
                None => ReadableDirs::unlimited(),
            };
            of_configuration(&checkout, &session_dir, &reach, is_stopped)
        })
        .await
    }

    /// Returns the commit that git has checked out; `None` if there was no checkout.
    fn commit_of_source(&self) -> Option<CommitSha> {
        self.commit.as_ref()?;
        let root = &self.checkout.as_ref()?.root;
        let head = regular_file::read(&root.join(".git/HEAD"), MAX_HEAD_BYTES).ok()?;
        str::from_utf8(&head).ok()?.trim().parse().ok()
    }

    /// Returns the digest of everything in the request besides the configuration, of what the tools inherit, and of
    /// the files outside of the source that they read.
    fn digest_of_variables(&self, is_stopped: &dyn Fn() -> bool) -> io::Result<String> {
        let request = &self.request;
        let of_env = request
            .env_vars
            .iter()
            .map(|(name, value)| (format!("env_vars.{name}"), Cow::from(value.expose_secret())));
        let of_variables = request
            .variables
            .iter()
            .map(|(name, value)| (format!("variables.{name}"), Cow::from(value.to_string())));
        let of_backend = request
            .backend_config
            .iter()
            .map(|(name, value)| (format!("backend_config.{name}"), Cow::from(value)));
        let of_workspace = request.workspace.iter();
        let of_workspace = of_workspace.map(|it| ("workspace".to_owned(), Cow::from(it)));
        let inherited = self.inherited();
        let of_inherited = inherited
            .iter()
            .map(|(name, value)| (format!("inherited.{name}"), Cow::from(value)));
        let read = self.read_outside_files(is_stopped)?;
        let of_read = read
            .iter()
            .map(|(name, digest)| (format!("read.{name}"), Cow::from(digest)));
        let values: Vec<_> = of_env
            .chain(of_variables)
            .chain(of_backend)
            .chain(of_workspace)
            .chain(of_inherited)
            .chain(of_read)
            .collect();
        let values = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()));
        Ok(hash::of_values(&self.salt, values))
    }

    /// Returns the variables that the tools inherit from this process and that could change an apply: another
    /// profile means another account.
    fn inherited(&self) -> BTreeMap<String, String> {
        let patterns = self.settings.inherit_env.as_deref();
        let added = self.environment.get();
        std::env::vars_os()
            .filter_map(|(name, value)| {
                // The runner does not pass on other names.
                let name = name.into_string().ok()?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .filter(|(name, _)| counts_as_inherited(name, &self.request, patterns))
            .filter(|(name, _)| !added.is_some_and(|added| added.contains_key(name)))
            .collect()
    }
}

fn of_configuration(
    checkout: &CheckoutFacts,
    session_dir: &SessionDir,
    reach: &ReadableDirs,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let sessions = session_dir.dir().parent().unwrap_or(session_dir.dir());
    let source = tree::of_tree(
        &checkout.root,
        &checkout.work_dir,
        sessions,
        reach,
        is_stopped,
    )?;
    let data_dir = session_dir.data_dir();
    let beside = modules::outside_source(&checkout.root, &checkout.work_dir, &data_dir)?;
    let beside = tree::of_modules_outside(&beside, sessions, reach, is_stopped)?;
    let downloaded = data_dir.join("modules");
    let downloaded = if downloaded.exists() {
        tree::of_tree(&downloaded, &downloaded, sessions, reach, is_stopped)?
    } else {
        String::new()
    };
    let mut hash = hash::Hash::default();
    for part in [source, beside, downloaded] {
        hash.add(part.as_bytes());
    }
    Ok(hash.finish())
}

/// If something can no longer be measured, the approval is void.
fn void(event: Event) -> Event {
    match event {
        Event::Failed(mut failure) if failure.kind == FailureKind::Fault => {
            failure.kind = FailureKind::Void;
            failure.error.push_str("; nothing was applied");
            Event::Failed(failure)
        }
        event => event,
    }
}
