//! Which directories and repositories of this machine may not be deployed.

use std::path::{Path, PathBuf};

use super::request::{DeployRequest, FieldFault, InvalidRequest, Source};
use super::settings::Settings;
use crate::checkout::local_path;
use crate::process::{contains, will_contain};

/// Directories of the system: a tool may write to the directory that it is run in.
const OF_SYSTEM: [&str; 11] = [
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/sbin",
];

impl Settings {
    /// Checks that a source on this machine neither contains, nor lies in, the directory of the sessions, the runner,
    /// [`protected`](Self::protected) paths or directories of the system.
    ///
    /// # Errors
    /// The field of the source, and what the path has to do with which other path.
    pub fn check_source(&self, request: &DeployRequest) -> Result<(), InvalidRequest> {
        let (field, source) = match &request.source {
            Source::Directory(directory) => ("source.directory", directory.as_path()),
            Source::Git(git) => match local_path(&git.url) {
                Some(path) => ("git_url", path),
                None => return Ok(()),
            },
            Source::Files(_) => return Ok(()),
        };
        let own = [&self.root, self.runner.program()];
        let protected = own
            .into_iter()
            .chain(self.protected.iter().map(PathBuf::as_path));
        let of_system = OF_SYSTEM.into_iter().map(Path::new);
        for path in protected.chain(of_system) {
            let how = if path.starts_with(source) || will_contain(source, path) {
                "contains"
            } else if contains(path, source).unwrap_or(false) {
                "is in"
            } else {
                continue;
            };
            let problem = format!("{how} `{}`, which no deployment may change", path.display());
            let field = field.to_owned();
            return Err(InvalidRequest {
                faults: vec![FieldFault { field, problem }],
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::client::Runner;
    use crate::protocol::Tool;

    #[test]
    fn sources_around_and_in_protected_paths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["data/sessions/a/plan", "keys", "bin", "work/repository"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["keys/sealing.key", "bin/iac-runner"] {
            fs::write(at(name), "").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        symlink(at("data/sessions"), at("work/link")).unwrap();
        let mut settings = Settings::new(
            Runner::at(at("bin/iac-runner")).unwrap(),
            at("data/sessions/b"),
        );
        settings.protected = vec![at("data"), at("keys/sealing.key")];
        let is_accepted = |path: PathBuf| {
            let request = DeployRequest::directory(Tool::Terraform, path);
            settings.check_source(&request).is_ok()
        };
        for (name, expected) in [
            ("work", true),
            ("work/repository", true),
            ("data", false),
            ("data/sessions", false),
            ("data/sessions/a/plan", false),
            ("work/link", false),
            ("keys", false),
            ("bin", false),
            ("", false),
        ] {
            assert_eq!(is_accepted(at(name)), expected, "{name}");
        }
        for path in ["/", "/etc", "/usr", "/etc/ssl", "/usr/bin"] {
            assert!(!is_accepted(path.into()), "{path}");
        }
        for (url, expected) in [
            (format!("file://{}", at("work/repository").display()), true),
            (format!("file://{}", at("data/sessions/a").display()), false),
            (at("data").display().to_string(), false),
            ("https://example.com/repository".to_owned(), true),
        ] {
            let request = DeployRequest::git(Tool::Terraform, url.clone(), "main");
            assert_eq!(settings.check_source(&request).is_ok(), expected, "{url}");
        }
    }
}
