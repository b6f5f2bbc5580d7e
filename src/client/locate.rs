//! Finds the binary.

use std::env;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ClientError;

/// Name of the program.
const PROGRAM: &str = "iac-runner";
/// Names the binary; no other place is then tried.
const VARIABLE: &str = "IAC_RUNNER_BIN";
/// Where `./build.sh install` installs the binary.
const INSTALLED: &str = "/usr/local/bin/iac-runner";

/// Inputs that decide where to look for the binary.
#[derive(Debug, Default)]
struct Surroundings {
    explicit: Option<PathBuf>,
    variable: Option<OsString>,
    own_executable: Option<PathBuf>,
    current_dir: PathBuf,
    path: OsString,
}

impl Surroundings {
    fn of_this_process(explicit: Option<&Path>) -> Self {
        Self {
            explicit: explicit.map(Path::to_owned),
            variable: env::var_os(VARIABLE),
            own_executable: env::current_exe().ok(),
            current_dir: env::current_dir().unwrap_or_default(),
            path: env::var_os("PATH").unwrap_or_default(),
        }
    }
}

/// Finds the binary.
pub(super) fn locate(explicit: Option<&Path>) -> Result<PathBuf, ClientError> {
    let looked_in = candidates(&Surroundings::of_this_process(explicit));
    match looked_in.iter().find(|path| is_program(path)) {
        Some(found) => Ok(found.clone()),
        None => Err(ClientError::NotFound { looked_in }),
    }
}

/// Returns the candidate paths in order, without duplicates.
///
/// A path that the caller or the variable names is the only candidate: another binary in its place would be a
/// surprise. `PATH` entries that are not absolute are skipped, as the runner does for its tools.
fn candidates(around: &Surroundings) -> Vec<PathBuf> {
    let here = |path: &Path| around.current_dir.join(path);
    if let Some(explicit) = &around.explicit {
        return vec![here(explicit)];
    }
    if let Some(named) = around.variable.as_ref().filter(|named| !named.is_empty()) {
        return vec![here(Path::new(named))];
    }
    let beside = around.own_executable.as_ref().and_then(|own| own.parent());
    let on_path = env::split_paths(&around.path).filter(|folder| folder.is_absolute());
    let mut places = Vec::new();
    for place in beside
        .map(|folder| folder.join(PROGRAM))
        .into_iter()
        .chain([
            PathBuf::from(INSTALLED),
            here(Path::new("runner/iac-runner")),
            here(Path::new(PROGRAM)),
        ])
        .chain(on_path.map(|folder| folder.join(PROGRAM)))
    {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            explicit: None,
            variable: None,
            own_executable: Some("/opt/backend/server".into()),
            current_dir: "/srv".into(),
            path: "/usr/local/bin:bin:/usr/bin".into(),
        }
    }

    #[test]
    fn places_are_looked_at_in_the_documented_order_and_none_twice() {
        let expected = [
            "/opt/backend/iac-runner",
            "/usr/local/bin/iac-runner",
            "/srv/runner/iac-runner",
            "/srv/iac-runner",
            "/usr/bin/iac-runner",
        ];
        assert_eq!(candidates(&around()), expected.map(PathBuf::from));
    }

    #[test]
    fn a_place_that_was_named_is_the_only_one() {
        let table = [
            (Some("/a/b"), None, "/a/b"),
            (Some("a/b"), Some("/c"), "/srv/a/b"),
            (None, Some("/c"), "/c"),
            (None, Some("c"), "/srv/c"),
        ];
        for (explicit, variable, expected) in table {
            let around = Surroundings {
                explicit: explicit.map(PathBuf::from),
                variable: variable.map(OsString::from),
                ..around()
            };
            assert_eq!(candidates(&around), [PathBuf::from(expected)]);
        }
    }

    #[test]
    fn an_empty_variable_names_nothing() {
        let around = Surroundings {
            variable: Some(OsString::new()),
            ..around()
        };
        assert_eq!(candidates(&around).len(), 5);
    }

    #[test]
    fn the_error_lists_where_it_looked() {
        let fault = locate(Some(Path::new("/nowhere/iac-runner"))).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "`iac-runner` was not found, looked in: `/nowhere/iac-runner`"
        );
    }

    #[test]
    fn what_cannot_be_executed_is_not_the_binary() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(PROGRAM);
        std::fs::write(&file, "").unwrap();
        assert!(locate(Some(&file)).is_err());
        assert!(locate(Some(folder.path())).is_err());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(locate(Some(&file)).unwrap(), file);
    }
}
