//! Measures what an approval is bound to, and holds it against what was approved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::job::{Job, failed, halted};
use crate::session::binding::Binding;
use crate::session::commands::counts_as_inherited;
use crate::session::content;
use crate::session::event::{Event, FailureKind};
use crate::session::facts::CheckoutFacts;
use crate::session::place::Place;
use crate::session::tool_file::ToolFile;

impl Job {
    /// Looks whether what is there is what was approved; if it is, the apply may begin.
    pub(super) async fn check(&self, run: String) -> Event {
        let Some(approved) = &self.binding else {
            return failed(FailureKind::Internal, "there is no plan to apply");
        };
        // The version is checked by the runner, before it starts the tool.
        match self.measure(approved.tool_version.clone()).await {
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

    /// What an approval is bound to, as it is now.
    pub(super) async fn measure(&self, tool_version: String) -> Result<Binding, Event> {
        // What the session adds takes the place of what is inherited.
        self.environment().await?;
        let job = self.clone();
        let checkout = self.checkout()?.clone();
        let measuring = tokio::task::spawn_blocking(move || -> std::io::Result<Binding> {
            let lock_file = checkout.work_dir.join(".terraform.lock.hcl");
            // A large source takes a while.
            let is_stopped = || job.stop.borrow().is_some();
            Ok(Binding {
                plan_file: content::of_file(&job.place.plan_file())?,
                summary: content::of_file(&job.place.plan_summary())?,
                lock_file: content::of_file(&lock_file)?,
                commit: job.commit.clone(),
                configuration: of_configuration(&checkout, &job.place, &is_stopped)?,
                tool: ToolFile::find(job.request.tool.program(), &job.search_path())?,
                tool_version,
                variables: job.digest_of_variables(),
            })
        });
        let problem = match measuring.await {
            Ok(Ok(binding)) => return Ok(binding),
            Ok(Err(fault)) if fault.kind() == std::io::ErrorKind::Interrupted => {
                return Err(halted());
            }
            Ok(Err(fault)) => fault.to_string(),
            Err(fault) => fault.to_string(),
        };
        Err(failed(
            FailureKind::Fault,
            format!("what the plan is bound to cannot be read: {problem}"),
        ))
    }

    /// Digest of everything that the request says beside the configuration, and of what the tools inherit.
    fn digest_of_variables(&self) -> String {
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
        let values: Vec<_> = of_env
            .chain(of_variables)
            .chain(of_backend)
            .chain(of_workspace)
            .chain(of_inherited)
            .collect();
        let values = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()));
        content::of_values(&self.salt, values)
    }

    /// What the tools get from this process's environment, and what could change an apply: another profile
    /// is another account.
    fn inherited(&self) -> BTreeMap<String, String> {
        let patterns = self.settings.inherit_env.as_deref();
        let added = self.environment.get();
        std::env::vars_os()
            .filter_map(|(name, value)| {
                // The runner passes on no other names.
                let name = name.into_string().ok()?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .filter(|(name, _)| counts_as_inherited(name, &self.request, patterns))
            .filter(|(name, _)| !added.is_some_and(|added| added.contains_key(name)))
            .collect()
    }
}

/// Digest of the source, and of the modules that were downloaded for it.
fn of_configuration(
    checkout: &CheckoutFacts,
    place: &Place,
    is_stopped: &dyn Fn() -> bool,
) -> std::io::Result<String> {
    let sessions = place.dir().parent().unwrap_or(place.dir());
    let source = content::of_tree(&checkout.root, &checkout.work_dir, sessions, is_stopped)?;
    let modules = place.data_dir().join("modules");
    if !modules.exists() {
        return Ok(source);
    }
    let mut hash = content::Hash::default();
    hash.add(source.as_bytes());
    hash.add(content::of_tree(&modules, &modules, sessions, is_stopped)?.as_bytes());
    Ok(hash.finish())
}

/// What cannot be measured any more is not what was approved.
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
