//! The version that the tool says of itself, while its plan is shown.

use super::job::Job;
use crate::protocol::version_in;
use crate::session::Operation;
use crate::session::tool_file::{SaidVersion, ToolFile};

impl Job {
    /// Asks the tool for its version if the apply follows at once; the runner asks before any other apply.
    ///
    /// Nothing is lost when the tool does not say it now: then the runner asks as well.
    pub(super) async fn ask_for_version(&self) -> Option<SaidVersion> {
        let applies = matches!(
            self.request.operation,
            Operation::Deploy | Operation::Destroy
        );
        if !self.request.auto_approve || !applies {
            return None;
        }
        let tool = ToolFile::find(self.request.tool.program(), &self.search_path()).ok()??;
        let request = self.command(|it| it.version()).await.ok()?;
        let result = self.read(request).await.ok()?;
        let version = version_in(&result.output)?;
        result.success.then_some(SaidVersion { tool, version })
    }

    /// Whether the program that is bound has said in this process that it is of the bound version.
    pub(super) fn has_said_its_version(&self) -> bool {
        let said = self.said_version.get();
        said.zip(self.binding.as_ref())
            .is_some_and(|(said, bound)| {
                bound.tool.as_ref() == Some(&said.tool) && bound.tool_version == said.version
            })
    }
}
