//! The data directory of a tool.

use std::path::{Path, PathBuf};

/// Returns the tool's data directory for a working directory; `named` is its `TF_DATA_DIR`, where empty means
/// unset.
pub(crate) fn of(work_dir: &Path, named: Option<&Path>) -> PathBuf {
    let named = named.filter(|named| !named.as_os_str().is_empty());
    work_dir.join(named.unwrap_or(Path::new(".terraform")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_not_set() {
        let of = |named: Option<&str>| of(Path::new("/w"), named.map(Path::new));
        assert_eq!(of(None), Path::new("/w/.terraform"));
        assert_eq!(of(Some("")), Path::new("/w/.terraform"));
        assert_eq!(of(Some("data")), Path::new("/w/data"));
        assert_eq!(of(Some("/data")), Path::new("/data"));
    }
}
