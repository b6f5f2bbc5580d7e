//! Whether the process that the runner started is the tool, or a wrapper around it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The process that a run was started as, whose end is the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// The tool's own program, or a script that has become it by `exec`: its exit code is the tool's word.
    Tool,
    /// Another program, such as a shell script that starts the tool.
    Wrapper,
}

impl Leader {
    /// Judges by the program: a script (`#!`) is a wrapper for as long as it is not seen to become the tool.
    pub(super) fn of(program: &Path) -> Self {
        let mut start = [0; 2];
        let read = File::open(program).and_then(|mut file| file.read_exact(&mut start));
        match read {
            Ok(()) if start == *b"#!" => Self::Wrapper,
            Ok(()) => Self::Tool,
            // A script has to be readable to be run.
            Err(fault) if fault.kind() == ErrorKind::PermissionDenied => Self::Tool,
            // Gone since, or shorter than any program.
            Err(_) => Self::Wrapper,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn script_is_not_the_tool() {
        let folder = tempfile::tempdir().unwrap();
        for (content, leader) in [
            ("#!/bin/sh\nexec terraform\n", Leader::Wrapper),
            ("\u{7f}ELF", Leader::Tool),
            ("", Leader::Wrapper),
        ] {
            let program = folder.path().join("terraform");
            fs::write(&program, content).unwrap();
            assert_eq!(Leader::of(&program), leader, "{content}");
        }
        assert_eq!(Leader::of(&folder.path().join("none")), Leader::Wrapper);
    }
}
