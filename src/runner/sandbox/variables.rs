//! Changes in the environment of a confined tool.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::protocol::Request;
use crate::runner::preparation::environment::Variables;

const TMPDIR: &str = "TMPDIR";
const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";
const GIT_CONFIG_GLOBAL: &str = "GIT_CONFIG_GLOBAL";
/// Git's own configuration below the home directory. A file that exists but can't be read makes git fail.
const GIT_CONFIGS: [&str; 2] = [".gitconfig", ".config/git/config"];

/// Adapts the environment to the granted paths.
///
/// - `TMPDIR` is that of the run, regardless of its former value.
/// - `SSH_AUTH_SOCK` is removed unless its socket is granted; Landlock itself can't block a socket.
/// - git reads no configuration of the user unless it is granted.
pub(super) fn adapt_environment(
    request: &Request,
    variables: &mut Variables,
    temp_dir: &Path,
    opened: &[PathBuf],
) {
    variables.insert(TMPDIR.into(), temp_dir.into());
    let is_opened = |path: &Path| {
        let real = path.canonicalize();
        real.is_ok_and(|real| opened.iter().any(|opened| real.starts_with(opened)))
    };
    let agent = variables.get(OsStr::new(SSH_AUTH_SOCK));
    let is_from_runner = !request.env_vars.contains_key(SSH_AUTH_SOCK);
    if is_from_runner && agent.is_some_and(|socket| !is_opened(Path::new(socket))) {
        variables.remove(OsStr::new(SSH_AUTH_SOCK));
    }
    if variables.contains_key(OsStr::new(GIT_CONFIG_GLOBAL)) {
        return;
    }
    let Some(home) = variables.get(OsStr::new("HOME")).map(PathBuf::from) else {
        return;
    };
    let is_closed = GIT_CONFIGS.iter().any(|name| {
        let config = home.join(name);
        config.exists() && !is_opened(&config)
    });
    if is_closed {
        variables.insert(GIT_CONFIG_GLOBAL.into(), "/dev/null".into());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::protocol::Tool;

    #[test]
    fn what_is_closed_is_not_named() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        for name in ["agent", ".gitconfig"] {
            fs::write(home.join(name), "").unwrap();
        }
        let agent = home.join("agent");
        let inherited = Variables::from([
            ("HOME".into(), home.clone().into()),
            ("TMPDIR".into(), "/tmp".into()),
            ("SSH_AUTH_SOCK".into(), agent.clone().into()),
        ]);
        let mut request = Request::new(Tool::Tofu, "/w", "init");
        let fitted = |request: &Request, opened: &[PathBuf]| {
            let mut variables = inherited.clone();
            adapt_environment(request, &mut variables, Path::new("/t"), opened);
            assert_eq!(variables[OsStr::new(TMPDIR)], "/t");
            (
                variables.contains_key(OsStr::new(SSH_AUTH_SOCK)),
                variables.contains_key(OsStr::new(GIT_CONFIG_GLOBAL)),
            )
        };
        assert_eq!(fitted(&request, &[]), (false, true));
        assert_eq!(fitted(&request, std::slice::from_ref(&agent)), (true, true));
        assert_eq!(fitted(&request, std::slice::from_ref(&home)), (true, false));
        let named = agent.to_str().unwrap().to_owned().into();
        request.env_vars.insert(SSH_AUTH_SOCK.to_owned(), named);
        assert_eq!(fitted(&request, &[]), (true, true));
    }
}
