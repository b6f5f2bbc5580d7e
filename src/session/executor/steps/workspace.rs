//! Selects the workspace and checks that it stays selected.

use std::io;
use std::path::Path;

use crate::regular_file::read_if_there;
use crate::session::executor::step_context::{StepContext, failed, sentence};
use crate::session::machine::event::{Event, FailureKind};
use crate::session::storage::session_dir::write_aside;

/// Longest name of a workspace that is read.
const MAX_NAME_BYTES: u64 = 64 * 1024;

impl StepContext {
    /// Selects the workspace; a deployment creates it if it does not exist. Idempotent.
    pub(crate) async fn select_workspace(&self) -> Result<(), Event> {
        self.leave_backend();
        let Some(request) = self.command(|it| it.workspace()).await? else {
            return Ok(());
        };
        let result = self.read(request).await;
        let result = result.map_err(|fault| failed(FailureKind::Fault, sentence(&fault)))?;
        let lines: Vec<_> = result.output.lines().map(str::to_owned).collect();
        self.log.add(self.phase, None, &lines);
        self.succeeded(&result).map_err(|event| match event {
            // The tools suggest a flag that the user cannot set here.
            Event::Failed(mut failure) if result.output.contains("doesn't exist") => {
                let workspace = self.request.workspace.as_deref().unwrap_or_default();
                failure.error = format!(
                    "the workspace `{workspace}` does not exist, and only the operation `deploy` makes one"
                );
                Event::Failed(failure)
            }
            event => event,
        })
    }

    /// Records which workspace is selected before a plan is made.
    pub(crate) fn note_workspace(&self) -> Result<(), Event> {
        chosen(&self.session_dir.workspace())
            .and_then(|chosen| write_aside(&self.session_dir.workspace_before_plan(), &chosen))
            .map_err(|fault| unknown_workspace(&fault))
    }

    /// Checks that the same workspace is still selected: anything that a plan runs can select another one, and the
    /// plan would then be applied there.
    pub(crate) fn workspace_is_the_same(&self) -> Result<(), Event> {
        if self.request.workspace.is_some() {
            // Every command gets the workspace explicitly.
            return Ok(());
        }
        let before = read_if_there(&self.session_dir.workspace_before_plan(), MAX_NAME_BYTES);
        let Some(before) = before.map_err(|fault| unknown_workspace(&fault))? else {
            // The plan was made before sessions recorded the workspace.
            return Ok(());
        };
        let now =
            chosen(&self.session_dir.workspace()).map_err(|fault| unknown_workspace(&fault))?;
        if before == now {
            return Ok(());
        }
        let error = "something that the plan ran has chosen another workspace; nothing was applied: take it out of \
                     the configuration, and start a new deployment";
        Err(failed(FailureKind::Fault, error))
    }
}

/// Returns what the tools recorded as the selected workspace; empty for the default one.
fn chosen(path: &Path) -> io::Result<Vec<u8>> {
    let name = read_if_there(path, MAX_NAME_BYTES)?.unwrap_or_default();
    Ok(if name.trim_ascii() == b"default" {
        Vec::new()
    } else {
        name
    })
}

fn unknown_workspace(fault: &io::Error) -> Event {
    let error = format!("it cannot be seen which workspace is chosen: {fault}");
    failed(FailureKind::Fault, error)
}
