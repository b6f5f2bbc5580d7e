//! Rejects sandbox settings that would expose files of the service.

use std::path::{Path, PathBuf};

use iac_runner::process::will_contain;
use iac_runner::protocol::SandboxMode;

use crate::config::Config;
use crate::service::OpenError;

/// Returns the paths that no source on this machine may contain or lie in.
pub(super) fn protected(config: &Config, data_dir: &Path) -> Vec<PathBuf> {
    let program = std::env::current_exe().ok();
    let key_file = key_file(config).map(Path::to_owned);
    let paths = [Some(data_dir.to_owned()), key_file, program];
    paths.into_iter().flatten().collect()
}

/// Returns the file with the sealing key, unless the key is given otherwise.
fn key_file(config: &Config) -> Option<&Path> {
    let sealing = &config.sealing;
    sealing.key.is_none().then_some(sealing.key_file.as_path())
}

/// Rejects `sandbox.read` and `sandbox.write` if a listed path contains the data directory or the sealing key.
///
/// # Errors
/// [`OpenError::Exposed`] with the first such path.
pub(super) fn refuse_exposed(config: &Config, data_dir: &Path) -> Result<(), OpenError> {
    let sandbox = &config.sandbox;
    if sandbox.mode == SandboxMode::Off {
        return Ok(());
    }
    let kept = [
        ("the data directory", Some(data_dir)),
        ("the sealing key", key_file(config)),
    ];
    let lists = [
        ("sandbox.read", &sandbox.read),
        ("sandbox.write", &sandbox.write),
    ];
    for (what, kept) in kept {
        let Some(kept) = kept else { continue };
        for (setting, paths) in lists {
            // The service creates a missing key file.
            if let Some(path) = paths.iter().find(|path| will_contain(path, kept)) {
                return Err(OpenError::Exposed {
                    setting,
                    path: path.clone(),
                    what,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Layers;

    #[test]
    fn paths_that_contain_files_of_the_service_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["all/data/cache", "keys", "caches"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        symlink(at("all"), at("link")).unwrap();
        let (key, made_later) = (at("keys/sealing.key"), at("caches/sealing.key"));
        fs::write(&key, "").unwrap();
        let table = [
            ("auto", "sandbox.read", at("caches"), &key, None),
            ("auto", "sandbox.write", at("all/data/cache"), &key, None),
            ("auto", "sandbox.read", at("gone"), &key, None),
            ("off", "sandbox.write", at("all"), &key, None),
            (
                "auto",
                "sandbox.write",
                at("all"),
                &key,
                Some("the data directory"),
            ),
            (
                "required",
                "sandbox.read",
                at("all/data"),
                &key,
                Some("the data directory"),
            ),
            (
                "auto",
                "sandbox.read",
                at("link"),
                &key,
                Some("the data directory"),
            ),
            (
                "auto",
                "sandbox.read",
                "/".to_owned(),
                &key,
                Some("the data directory"),
            ),
            (
                "auto",
                "sandbox.read",
                at("keys"),
                &key,
                Some("the sealing key"),
            ),
            (
                "auto",
                "sandbox.read",
                key.clone(),
                &key,
                Some("the sealing key"),
            ),
            (
                "auto",
                "sandbox.write",
                at("caches"),
                &made_later,
                Some("the sealing key"),
            ),
        ];
        for (mode, setting, listed, key, expected) in table {
            let flags = BTreeMap::from([
                ("sandbox.mode", mode.to_owned()),
                ("sealing.key_file", key.clone()),
                (setting, listed.clone()),
            ]);
            let config = Config::of(&Layers::new().with_flags(flags)).unwrap();
            let refused = refuse_exposed(&config, Path::new(&at("all/data")));
            let what = match refused {
                Ok(()) => None,
                Err(OpenError::Exposed { what, .. }) => Some(what),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(what, expected, "{mode} {setting} {listed}");
        }
    }
}
