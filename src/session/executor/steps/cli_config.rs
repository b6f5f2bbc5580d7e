//! Files outside of the source that the tools read.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use crate::protocol::inherits;
use crate::regular_file::NOT_REGULAR;
use crate::session::approval::hash;
use crate::session::executor::step_context::StepContext;

/// CLI configuration files in the home directory.
const CLI_CONFIGURATIONS: [&str; 2] = [".terraformrc", ".tofurc"];
/// Names and suffixes of CLI configuration files in the directories of either tool.
const CLI_CONFIGURATION_OF_DIR: &str = "tofurc";
const MORE_CLI_CONFIGURATIONS: [&str; 2] = [".tfrc", ".tfrc.json"];

impl StepContext {
    /// Returns the existing files outside of the source that decide what an apply does, with their digests: the
    /// selected workspace, and the CLI configuration, which can make the tool run other providers than the lock
    /// file names.
    pub(crate) fn read_outside_files(
        &self,
        is_stopped: &dyn Fn() -> bool,
    ) -> io::Result<Vec<(String, String)>> {
        let mut files = self.cli_configurations()?;
        files.push(self.session_dir.workspace());
        let mut found = Vec::new();
        for file in files {
            let digest = match hash::of_file(&file, is_stopped) {
                // Such as `/dev/null`, which stands for an empty file.
                Err(fault) if is_out_of_reach(&fault) || fault.kind() == NOT_REGULAR => None,
                digest => digest?,
            };
            if let Some(digest) = digest {
                found.push((file.to_string_lossy().into_owned(), digest));
            }
        }
        Ok(found)
    }

    /// Returns where the tools look for a CLI configuration: at the path in a variable, else in files of the home
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

    /// Returns the value of a variable as the tools see it, if it is not empty.
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

/// Returns the CLI configuration files in a directory of a tool.
fn cli_configurations_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(fault) if is_out_of_reach(&fault) => return Ok(Vec::new()),
        Err(fault) => return Err(hash::named(dir, &fault)),
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

/// Returns whether the tools, which run as the same user, treat the file as missing.
fn is_out_of_reach(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}
