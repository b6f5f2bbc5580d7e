//! Passes the registry to the tool: the token by the environment, the service URLs by a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::RegistryHost;

/// Name of the file; both tools read JSON under any name.
const FILE: &str = "registry.tfrc.json";
/// Accessible only to its owner, though it contains no secrets.
const FILE_MODE: u32 = 0o600;

/// Access to a registry for a run.
#[derive(Clone, Debug)]
pub struct Access {
    host: RegistryHost,
    token: SecretString,
}

impl Access {
    pub(super) const fn new(host: RegistryHost, token: SecretString) -> Self {
        Self { host, token }
    }

    /// Returns the registry.
    pub const fn host(&self) -> &RegistryHost {
        &self.host
    }

    /// Returns the variables that contain the token, for `env_vars` of a request.
    ///
    /// Their names mark them as secret, so the runner masks their values. With a port in the address, the name
    /// contains a `:`, which no shell could set; `env_vars` accepts it. If the tool is a wrapper script of a
    /// version manager, its shell has to pass such a variable on: bash does, dash does not.
    pub fn env_vars(&self) -> Vec<(String, SecretString)> {
        vec![(self.host.token_variable(), self.token.clone())]
    }

    /// Writes the file for `TF_CLI_CONFIG_FILE` into an existing directory.
    ///
    /// The file contains the service URLs, so that the tools need no discovery request, and no secrets. It replaces
    /// the tool's own configuration (`~/.terraformrc`), which the tool then does not read. An existing file with
    /// its name is replaced.
    ///
    /// # Errors
    /// The directory is not writable.
    pub fn write_cli_config(&self, dir: &Path) -> io::Result<PathBuf> {
        let path = dir.join(FILE);
        let aside = dir.join(format!(".{FILE}.new"));
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&aside)?;
        file.write_all(cli_config(&self.host).to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        Ok(path)
    }
}

/// Returns the configuration of the tool, in its JSON syntax.
fn cli_config(host: &RegistryHost) -> Value {
    let services = json!({
        "modules.v1": format!("{host}/v1/modules/"),
        "providers.v1": format!("{host}/v1/providers/"),
    });
    json!({"host": {host.module_host(): {"services": services}}})
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn access() -> Access {
        let host = RegistryHost::parse("http://registry.example.com:9080/").expect("a host");
        Access::new(host, "hunter2\"${x}\\".to_owned().into())
    }

    #[test]
    fn the_token_goes_by_the_environment() {
        let variables = access().env_vars();
        assert_eq!(variables.len(), 1);
        let (name, token) = &variables[0];
        assert_eq!(name, "TF_TOKEN_registry_example_com:9080");
        assert_eq!(token.expose_secret(), "hunter2\"${x}\\");
        assert!(!format!("{:?}", access()).contains("hunter2"));
    }

    #[test]
    fn the_file_tells_where_the_services_are_and_nothing_secret() {
        let dir = tempfile::tempdir().expect("a directory");
        for _ in 0..2 {
            let path = access().write_cli_config(dir.path()).expect("written");
            let text = fs::read_to_string(&path).expect("read");
            assert!(!text.contains("hunter2"), "{text}");
            let config: Value = serde_json::from_str(&text).expect("JSON");
            let expected = json!({"host": {"registry.example.com:9080": {"services": {
                "modules.v1": "http://registry.example.com:9080/v1/modules/",
                "providers.v1": "http://registry.example.com:9080/v1/providers/",
            }}}});
            assert_eq!(config, expected);
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, FILE_MODE);
            assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
        }
        assert!(access().write_cli_config(&dir.path().join("x")).is_err());
    }
}
