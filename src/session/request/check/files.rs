//! Checks the files that a request contains.

use std::collections::{BTreeMap, BTreeSet};

use super::{Faults, RuleResult, paths};
use crate::protocol::{Tool, member};
use crate::session::request::{MAX_FILES, MAX_FILES_BYTES};

/// Longest name of one file or directory (`NAME_MAX`), in bytes.
const MAX_PART_BYTES: usize = 255;
/// Longest name with its directories, in bytes: leaves room for the directory that contains them.
const MAX_NAME_BYTES: usize = 1024;
/// Names reserved for git and the tools; the second one may contain programs that the tools run.
const RESERVED: [&str; 2] = [".git", ".terraform"];
/// Suffixes of files that the tools treat as state, and may write over the backend's state.
const OF_STATE: [&str; 2] = [".tfstate", ".tfstate.backup"];
/// Suffixes of files that both tools read as configuration.
const OF_BOTH: [&str; 2] = [".tf", ".tf.json"];
/// Suffixes of files that only tofu reads as well.
const OF_TOFU: [&str; 2] = [".tofu", ".tofu.json"];

pub(super) fn check(files: &BTreeMap<String, String>, path: &str, tool: Tool, faults: &mut Faults) {
    const FIELD: &str = "source.files";
    if files.len() > MAX_FILES {
        faults.add(FIELD, format!("holds more than {MAX_FILES} files"));
        return;
    }
    if files.values().map(String::len).sum::<usize>() > MAX_FILES_BYTES {
        faults.add(FIELD, format!("holds more than {MAX_FILES_BYTES} bytes"));
    }
    let directories = directories_of(files);
    for file in files.keys() {
        let verdict = name(file).and_then(|()| {
            if directories.contains(file.as_str()) {
                Err("is the name of a file and of a directory".to_owned())
            } else {
                Ok(())
            }
        });
        faults.note(format!("{FIELD}{}", member(file)), verdict);
    }
    if !files
        .keys()
        .any(|file| is_configuration_in(file, path, tool))
    {
        faults.add(
            FIELD,
            "holds no configuration of the tool in the directory that `path` names",
        );
    }
}

fn name(name: &str) -> RuleResult {
    let refused = |problem: &str| Err(problem.to_owned());
    if name.starts_with('/') {
        return refused("is absolute; expected a relative name");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return refused("holds a backslash or a control character");
    }
    if name.len() > MAX_NAME_BYTES || name.split('/').any(|part| part.len() > MAX_PART_BYTES) {
        return refused("is too long");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refused("has a part that is empty, `.` or `..`");
    }
    if name
        .split('/')
        .any(|part| RESERVED.iter().any(|it| part.eq_ignore_ascii_case(it)))
    {
        return refused("has a part `.git` or `.terraform`");
    }
    let last = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    if OF_STATE.iter().any(|ending| last.ends_with(ending)) {
        return refused("is the name of a state, which is where the backend says");
    }
    Ok(())
}

/// Returns every directory that the files need.
fn directories_of(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    files
        .keys()
        .flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at]))
        .collect()
}

fn is_configuration_in(file: &str, path: &str, tool: Tool) -> bool {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    let has_ending = |ending: &&str| name.len() > ending.len() && name.ends_with(*ending);
    let is_configuration =
        OF_BOTH.iter().any(has_ending) || (tool == Tool::Tofu && OF_TOFU.iter().any(has_ending));
    // Both tools ignore files whose name starts with a dot.
    is_configuration && !name.starts_with('.') && paths::parts(directory) == paths::parts(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_and_away_from_what_is_not_the_users() {
        let table = [
            ("main.tf", true),
            ("modules/net/main.tf", true),
            (".terraform.lock.hcl", true),
            (".gitignore", true),
            ("größe.tf", true),
            ("", false),
            ("/etc/passwd", false),
            ("../main.tf", false),
            ("a/../main.tf", false),
            ("./main.tf", false),
            ("a//b.tf", false),
            ("a/", false),
            (".git/config", false),
            ("a/.GIT/hooks/x", false),
            (".terraform/providers/x", false),
            ("a\0.tf", false),
            ("a\n.tf", false),
            ("a\\b.tf", false),
            ("terraform.tfstate", false),
            ("terraform.tfstate.d/prod/terraform.tfstate", false),
            ("net/terraform.tfstate.backup", false),
            ("x.TFSTATE", false),
            ("tfstate.tf", true),
        ];
        for (file, accepted) in table {
            assert_eq!(name(file).is_ok(), accepted, "{file:?}");
        }
        assert!(name(&"a".repeat(MAX_PART_BYTES + 1)).is_err());
        assert!(name(&"a/".repeat(MAX_NAME_BYTES)).is_err());
    }

    #[test]
    fn configuration_is_what_the_tool_reads_in_the_directory() {
        use Tool::{Terraform, Tofu};
        let table = [
            ("main.tf", ".", Terraform, true),
            ("main.tf.json", "", Terraform, true),
            ("envs/prod/main.tf", "./envs//prod/", Terraform, true),
            ("envs/prod/main.tf", "envs/x/../prod", Terraform, true),
            ("envs/prod/main.tf", "envs", Terraform, false),
            ("main.tf", "envs", Terraform, false),
            ("main.tofu", ".", Terraform, false),
            ("main.tofu", ".", Tofu, true),
            ("main.tofu.json", ".", Tofu, true),
            (".tf", ".", Terraform, false),
            (".main.tf", ".", Terraform, false),
            ("prod.tfvars", ".", Terraform, false),
        ];
        for (file, path, tool, expected) in table {
            assert_eq!(
                is_configuration_in(file, path, tool),
                expected,
                "{file} {path}"
            );
        }
    }
}
