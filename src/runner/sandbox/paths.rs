//! Determines the paths that are granted for a request.
//!
//! Paths that the tool finds through its environment are granted if the runner's own environment names them. A path
//! that only `env_vars` names is not: the configuration's author may have set it, while `read` and `write` come
//! from the operator.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{User, getuid};

use crate::protocol::{Request, inherits};
use crate::runner::preparation::data_dir;

/// Configuration of the tools below the home directory. A file that exists but can't be read makes every command
/// fail.
const OF_HOME: [&str; 5] = [
    ".terraformrc",
    ".tofurc",
    ".terraform.d",
    ".config/opentofu",
    ".local/share/opentofu",
];

/// The paths that are granted besides those of the system.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Paths {
    /// The working directory, without links in its path.
    pub(super) work_dir: PathBuf,
    /// Other paths to change.
    pub(super) write: Vec<PathBuf>,
    /// Paths to read, because the request lists them.
    pub(super) read: Vec<PathBuf>,
    /// Paths to read, because the tool needs them; inaccessible ones are skipped.
    pub(super) tool: Vec<PathBuf>,
}

impl Paths {
    /// Returns every path that the tool may change.
    pub(super) fn writable(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.work_dir).chain(&self.write)
    }
}

/// Returns the paths for a request; `own` looks up a variable of the runner.
pub(super) fn of(
    request: &Request,
    program: &Path,
    work_dir: &Path,
    own: impl Fn(&str) -> Option<OsString>,
) -> Paths {
    // Variables that reach the tool from the runner unchanged.
    let inherited = |name: &str| {
        let reaches =
            inherits(request.inherit_env.as_deref(), name) && !request.env_vars.contains_key(name);
        own(name).filter(|value| reaches && !value.is_empty())
    };
    let mut write = Vec::new();
    if let Some(named) = inherited("TF_DATA_DIR") {
        write.push(data_dir::of(work_dir, Some(Path::new(&named))));
    }
    write.extend(inherited("TF_PLUGIN_CACHE_DIR").map(|path| work_dir.join(path)));
    write.extend(request.sandbox.write.iter().cloned());

    let mut tool = vec![program.to_owned()];
    for name in ["TF_CLI_CONFIG_FILE", "SSL_CERT_FILE"] {
        tool.extend(inherited(name).map(|path| work_dir.join(path)));
    }
    if let Some(folders) = inherited("SSL_CERT_DIR") {
        tool.extend(std::env::split_paths(&folders).filter(|folder| folder.is_absolute()));
    }
    if let Some(home) = home(request, inherited("HOME")) {
        tool.extend(OF_HOME.map(|name| home.join(name)));
    }
    Paths {
        work_dir: work_dir.to_owned(),
        write,
        read: request.sandbox.read.clone(),
        tool,
    }
}

/// Returns the home directory that the tool uses: `HOME`, else that of the user.
fn home(request: &Request, inherited: Option<OsString>) -> Option<PathBuf> {
    if request.env_vars.contains_key("HOME") {
        return None;
    }
    let home = match inherited {
        Some(home) => PathBuf::from(home),
        None => User::from_uid(getuid()).ok()??.dir,
    };
    home.is_absolute().then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Tool;

    const OWN: [(&str, &str); 6] = [
        ("HOME", "/home/ci"),
        ("TF_DATA_DIR", "/data"),
        ("TF_PLUGIN_CACHE_DIR", "/cache"),
        ("TF_CLI_CONFIG_FILE", "/etc/tf.tfrc"),
        ("SSL_CERT_DIR", "/certs:relative:/more"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/home/ci/.aws/credentials"),
    ];

    fn paths(request: &Request) -> Paths {
        let own = |name: &str| {
            let found = OWN.into_iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| value.into())
        };
        of(request, Path::new("/opt/tofu"), Path::new("/w"), own)
    }

    fn texts(paths: &[PathBuf]) -> Vec<&str> {
        paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn what_the_runners_own_environment_names_is_opened() {
        let mut request = Request::new(Tool::Tofu, "/w", "plan");
        request.sandbox.read = vec!["/home/ci/.aws".into()];
        request.sandbox.write = vec!["/state".into()];
        let paths = paths(&request);
        assert_eq!(paths.work_dir, Path::new("/w"));
        assert_eq!(texts(&paths.write), ["/data", "/cache", "/state"]);
        assert_eq!(texts(&paths.read), ["/home/ci/.aws"]);
        assert_eq!(
            texts(&paths.tool),
            [
                "/opt/tofu",
                "/etc/tf.tfrc",
                "/certs",
                "/more",
                "/home/ci/.terraformrc",
                "/home/ci/.tofurc",
                "/home/ci/.terraform.d",
                "/home/ci/.config/opentofu",
                "/home/ci/.local/share/opentofu",
            ]
        );
    }

    #[test]
    fn what_the_request_names_or_leaves_out_is_not_opened() {
        let mut by_request = Request::new(Tool::Tofu, "/w", "plan");
        for (name, _) in OWN {
            let secret = "/srv/secret".to_owned().into();
            by_request.env_vars.insert(name.to_owned(), secret);
        }
        let mut not_inherited = Request::new(Tool::Tofu, "/w", "plan");
        not_inherited.inherit_env = Some(vec!["PATH".to_owned()]);
        for request in [by_request, not_inherited] {
            let paths = paths(&request);
            assert_eq!(paths.work_dir, Path::new("/w"));
            assert_eq!(texts(&paths.write), [""; 0]);
            let tool = texts(&paths.tool);
            assert!(
                !tool
                    .iter()
                    .any(|path| path.contains("/srv") || path.contains("/home/ci"))
            );
        }
    }
}
