//! Checks whether the programs that a checkout needs are installed.

use std::ffi::OsStr;

use nix::unistd::{AccessFlags, access};

use super::environment::DEFAULT_PATH;
use crate::checkout::source::address::{Scheme, parse};

/// Returns the program that a checkout from this URL needs and that is not installed here, or `None`.
///
/// A URL that [`validate_url`](crate::checkout::validate_url) refuses needs none.
pub fn missing_program(url: &str) -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    missing_on(&path, url)
}

fn missing_on(search_path: &OsStr, url: &str) -> Option<&'static str> {
    let needed: &[&str] = match parse(url).ok()?.scheme {
        Scheme::Http | Scheme::Https | Scheme::File => &["git"],
        Scheme::Ssh => &["git", "ssh"],
    };
    needed
        .iter()
        .copied()
        .find(|program| !is_installed(program, search_path))
}

/// Returns whether one of the directories contains this program.
pub(crate) fn is_installed(program: &str, search_path: &OsStr) -> bool {
    std::env::split_paths(search_path)
        .map(|folder| folder.join(program))
        .any(|path| path.is_file() && access(&path, AccessFlags::X_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_what_the_url_needs_is_missed() {
        let dir = tempfile::tempdir().unwrap();
        let missing = |url| missing_on(dir.path().as_os_str(), url);
        let install = |name: &str, mode| {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(missing("https://h/a"), Some("git"));
        install("git", 0o755);
        install("ssh", 0o644);
        assert_eq!(missing("https://h/a"), None);
        assert_eq!(missing("git@h:a"), Some("ssh"), "it cannot be executed");
        install("ssh", 0o755);
        assert_eq!(missing("ssh://git@h/a"), None);
        assert_eq!(missing("ext::sh"), None, "it is refused anyway");
    }
}
