//! Decides whether the process that the runner started is the tool, or a wrapper around it.

pub(crate) mod go_module;

use std::fs::File;
use std::path::Path;

use self::go_module::main_module;

/// The first process of a run; its end is the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// The tool's own program, or a script that has become it by `exec`: its exit code is the tool's.
    Tool,
    /// Another program, such as a shell script or a version manager that starts the tool.
    Wrapper,
}

impl Leader {
    /// Decides by the program: one that is not proven to be the tool counts as a wrapper until it is seen to become
    /// the tool.
    pub(crate) fn of(program: &Path) -> Self {
        match Program::at(program) {
            Program::Tool => Self::Tool,
            Program::Other | Program::Unknown => Self::Wrapper,
        }
    }
}

/// What a program file reveals about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// It is terraform or OpenTofu, under any name.
    Tool,
    /// It is another Go program, under any name.
    Other,
    /// Unknown: a script, a program in another language, or one that cannot be read.
    Unknown,
}

impl Program {
    pub(crate) fn at(path: &Path) -> Self {
        File::open(path).map_or(Self::Unknown, |file| Self::of(&file))
    }

    pub(crate) fn of(file: &File) -> Self {
        main_module(file).map_or(Self::Unknown, |module| Self::of_module(&module))
    }

    /// Forks keep the last part of the path.
    fn of_module(module: &str) -> Self {
        match module.rsplit('/').next() {
            Some("terraform" | "opentofu") => Self::Tool,
            Some(_) | None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_proven_tool_is_the_tool() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["#!/bin/sh\nexec terraform\n", "\u{7f}ELF", ""] {
            let program = folder.path().join("terraform");
            fs::write(&program, content).unwrap();
            assert_eq!(Leader::of(&program), Leader::Wrapper, "{content}");
        }
        assert_eq!(Leader::of(&folder.path().join("none")), Leader::Wrapper);
    }

    #[test]
    fn the_module_names_the_tool() {
        for (module, program) in [
            ("github.com/hashicorp/terraform", Program::Tool),
            ("github.com/opentofu/opentofu", Program::Tool),
            ("example.com/fork/terraform", Program::Tool),
            ("github.com/tofuutils/tenv/v4", Program::Other),
            ("github.com/gruntwork-io/terragrunt", Program::Other),
            (
                "github.com/hashicorp/terraform-provider-random",
                Program::Other,
            ),
        ] {
            assert_eq!(Program::of_module(module), program, "{module}");
        }
    }
}
