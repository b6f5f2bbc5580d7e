//! Creates files that a confined tool needs but can't create outside of its writable directories.

use std::io;

use super::job::{Job, failed};
use crate::protocol::SandboxMode;
use crate::session::event::{Event, FailureKind};
use crate::session::place::Place;

impl Job {
    /// Creates the tools' data directory.
    pub(super) fn make_data_dir(&self) -> Result<(), Event> {
        self.make_if_confined(Place::make_data_dir)
    }

    /// Creates an empty plan file.
    pub(super) fn make_plan_file(&self) -> Result<(), Event> {
        self.make_if_confined(Place::make_plan_file)
    }

    fn make_if_confined(&self, make: impl Fn(&Place) -> io::Result<()>) -> Result<(), Event> {
        if self.settings.sandbox.mode == SandboxMode::Off {
            return Ok(());
        }
        make(&self.place).map_err(|fault| {
            let error = format!("what the tool may write to could not be made: {fault}");
            failed(FailureKind::Fault, error)
        })
    }
}
