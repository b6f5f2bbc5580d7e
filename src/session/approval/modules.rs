//! The modules that `init` has installed for a configuration.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::regular_file;

/// The tool's list of modules, in its data directory.
const MANIFEST: &str = "modules/modules.json";
/// Longest list that is read: about a hundred thousand modules.
const MAX_MANIFEST_BYTES: u64 = 32 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(rename = "Modules")]
    modules: Vec<Module>,
}

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(rename = "Dir")]
    dir: PathBuf,
}

/// Returns the directories of modules that are neither below the source nor below the tool's data directory:
/// `../network` in a configuration whose neighbouring directories are not part of the source.
///
/// Each appears once, without symbolic links, in order.
///
/// # Errors
/// The list exists but cannot be parsed, or a directory in it does not exist.
pub(crate) fn outside_source(
    root: &Path,
    work_dir: &Path,
    data_dir: &Path,
) -> io::Result<Vec<PathBuf>> {
    let Some(text) = regular_file::read_if_there(&data_dir.join(MANIFEST), MAX_MANIFEST_BYTES)?
    else {
        // A configuration without modules.
        return Ok(Vec::new());
    };
    let manifest: Manifest = serde_json::from_slice(&text)?;
    let (root, data_dir) = (root.canonicalize()?, data_dir.canonicalize()?);
    let mut found = Vec::new();
    for module in manifest.modules {
        let dir = work_dir.join(&module.dir).canonicalize()?;
        if !dir.starts_with(&root) && !dir.starts_with(&data_dir) {
            found.push(dir);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_lies_beside_the_source_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["root/env/sub", "root/data/modules/far", "network", "other"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let data_dir = at("data");
        fs::create_dir_all(data_dir.join("modules/far")).unwrap();
        let found = || outside_source(&at("root"), &at("root/env"), &data_dir);
        assert_eq!(found().unwrap(), Vec::<PathBuf>::new());

        let far = data_dir.join("modules/far");
        let manifest = serde_json::json!({"Modules": [
            {"Key": "", "Source": "", "Dir": "."},
            {"Key": "a", "Source": "./sub", "Dir": "sub"},
            {"Key": "b", "Source": "../../network", "Dir": "../../network"},
            {"Key": "c", "Source": "../../network", "Dir": "../../network/."},
            {"Key": "d", "Source": "example.com/far", "Dir": far},
        ]});
        let write = |text: &str| fs::write(data_dir.join(MANIFEST), text).unwrap();
        write(&manifest.to_string());
        let network = at("network").canonicalize().unwrap();
        assert_eq!(found().unwrap(), [network]);

        for unclear in [
            "",
            "{}",
            r#"{"Modules": [{"Key": "a"}]}"#,
            r#"{"Modules": [{"Dir": "gone"}]}"#,
        ] {
            write(unclear);
            found().unwrap_err();
        }
    }
}
