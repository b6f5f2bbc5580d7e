//! Files outside of the source that the tools read.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::job::Job;
use crate::protocol::inherits;
use crate::session::content;

/// Files of a CLI configuration in the home directory.
const CLI_CONFIGURATIONS: [&str; 2] = [".terraformrc", ".tofurc"];
/// The same in the directories of either tool, and how the names of more of them end there.
const CLI_CONFIGURATION_OF_DIR: &str = "tofurc";
const MORE_CLI_CONFIGURATIONS: [&str; 2] = [".tfrc", ".tfrc.json"];

impl Job {
    /// Files outside of the source that decide what an apply does: the chosen workspace, and the CLI
    /// configuration, which can have the tool run other providers than the lock file names. Those that are
    /// there, with their digests.
    pub(super) fn read_beside(
        &self,
        is_stopped: &dyn Fn() -> bool,
    ) -> io::Result<Vec<(String, String)>> {
        let mut files = self.cli_configurations()?;
        files.push(self.place.workspace());
        let mut found = Vec::new();
        for file in files {
            let digest = match content::of_file(&file, is_stopped) {
                Err(fault) if is_out_of_reach(&fault) => None,
                digest => digest?,
            };
            if let Some(digest) = digest {
                found.push((file.to_string_lossy().into_owned(), digest));
            }
        }
        Ok(found)
    }

    /// Where the tools look for a CLI configuration: what a variable names, or else files of the home
    /// directory.
    fn cli_configurations(&self) -> io::Result<Vec<PathBuf>> {
        let of_cli = ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"];
        if let Some(file) = of_cli.iter().find_map(|name| self.variable_of_tool(name)) {
            let work_dir = self.checkout.as_ref().map(|it| it.work_dir.as_path());
            return Ok(vec![work_dir.unwrap_or(Path::new("")).join(file)]);
        }
        let home = self.variable_of_tool("HOME").map(PathBuf::from);
        let config_home = self.variable_of_tool("XDG_CONFIG_HOME").map(PathBuf::from);
        let config_home = config_home.or_else(|| home.as_ref().map(|home| home.join(".config")));
        let dirs = [
            home.as_ref().map(|home| home.join(".terraform.d")),
            config_home.map(|it| it.join("opentofu")),
        ];
        let mut files = Vec::new();
        if let Some(home) = home {
            files.extend(CLI_CONFIGURATIONS.map(|name| home.join(name)));
        }
        for dir in dirs.into_iter().flatten() {
            files.extend(cli_configurations_in(&dir)?);
        }
        Ok(files)
    }

    /// What the tools get as a variable, if it is not blank.
    fn variable_of_tool(&self, name: &str) -> Option<String> {
        let patterns = self.settings.inherit_env.as_deref();
        let added = self.environment.get().and_then(|added| added.get(name));
        let given = added.or_else(|| self.request.env_vars.get(name));
        let value = match given {
            Some(value) => value.expose_secret().to_owned(),
            None if inherits(patterns, name) => std::env::var(name).ok()?,
            None => return None,
        };
        (!value.is_empty()).then_some(value)
    }
}

/// The files of a CLI configuration in a directory of a tool.
fn cli_configurations_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(fault) if is_out_of_reach(&fault) => return Ok(Vec::new()),
        Err(fault) => return Err(content::named(dir, &fault)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        let is_one = text == CLI_CONFIGURATION_OF_DIR
            || MORE_CLI_CONFIGURATIONS
                .iter()
                .any(|end| text.ends_with(end));
        if is_one {
            files.push(dir.join(&name));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the tools, which run as the same user, take something for not there.
fn is_out_of_reach(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}
