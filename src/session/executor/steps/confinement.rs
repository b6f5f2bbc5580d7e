//! Creates files that a confined tool needs but can't create outside of its writable directories.

use std::io;

use crate::protocol::SandboxMode;
use crate::session::executor::step_context::{StepContext, failed};
use crate::session::machine::event::{Event, FailureKind};
use crate::session::storage::session_dir::SessionDir;

impl StepContext {
    /// Creates the tools' data directory.
    pub(crate) fn make_data_dir(&self) -> Result<(), Event> {
        self.make_if_confined(SessionDir::make_data_dir)
    }

    /// Creates an empty plan file.
    pub(crate) fn make_plan_file(&self) -> Result<(), Event> {
        self.make_if_confined(SessionDir::make_plan_file)
    }

    fn make_if_confined(&self, make: impl Fn(&SessionDir) -> io::Result<()>) -> Result<(), Event> {
        if self.settings.sandbox.mode == SandboxMode::Off {
            return Ok(());
        }
        make(&self.session_dir).map_err(|fault| {
            let error = format!("what the tool may write to could not be made: {fault}");
            failed(FailureKind::Fault, error)
        })
    }
}
