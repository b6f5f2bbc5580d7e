//! Reads what the program files of running processes reveal about themselves.

use std::collections::HashMap;
use std::fs::File;

use super::targets::Seen;
use crate::process::{FileId, descendants};
use crate::runner::command::leader::Program;

/// Reads each file once.
#[derive(Debug, Default)]
pub(crate) struct ProgramFiles {
    /// Known programs.
    known: HashMap<FileId, Program>,
    /// Whether one of them was the tool.
    pub(crate) has_seen_tool: bool,
}

impl ProgramFiles {
    /// Returns the processes of the run, parents before their children; empty if `/proc` does not show them.
    pub(crate) fn processes(&mut self) -> Vec<Seen> {
        let seen = |process: crate::process::Process| {
            let file = process.program_file();
            let program = file.map_or(Program::Unknown, |file| self.program(&file));
            Seen { process, program }
        };
        descendants().into_iter().map(seen).collect()
    }

    pub(crate) fn program(&mut self, file: &File) -> Program {
        let Ok(found) = file.metadata() else {
            return Program::Unknown;
        };
        let program = *self
            .known
            .entry(FileId::of(&found))
            .or_insert_with(|| Program::of(file));
        self.has_seen_tool |= program == Program::Tool;
        program
    }
}
