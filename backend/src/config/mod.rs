//! The configuration, from a file, the environment and flags; later sources override earlier ones.

mod error;
mod layers;
mod origin;
mod setting;
mod shown;
mod values;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use iac_runner::checkout::AllowedHosts;
use iac_runner::protocol::SandboxRequest;
use secrecy::SecretString;

pub use error::ConfigError;
pub use layers::Layers;
pub use origin::Origin;
pub use setting::{SETTINGS, Setting, ValueKind};
pub use shown::shown;
use values::{
    SettingReader, absolute_paths, address, duration, from_one, list, log_size, memory_limit,
    postgres, rate, sandbox_mode, switch,
};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// HTTP server.
    pub server: Server,
    /// Storage of records.
    pub store: Store,
    /// The key that encrypts secrets.
    pub sealing: Sealing,
    /// Authorization.
    pub auth: Auth,
    /// Execution of deployments.
    pub work: Work,
    /// Sandbox of the tools.
    pub sandbox: SandboxRequest,
    /// A private registry.
    pub registry: Registry,
    /// Format of the service's own log.
    pub log_format: LogFormat,
}

/// Format of the service's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text per event.
    Text,
    /// One JSON object per line.
    Json,
}

/// HTTP server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Whether to serve other machines while no keys exist.
    pub insecure: bool,
    /// Origins whose pages may use the service.
    pub allowed_origins: Vec<String>,
    /// Requests per minute for each caller; `None` for no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// Longest time to receive a request head, and then to begin the response.
    pub request_timeout: Duration,
    /// Most open connections.
    pub max_connections: NonZeroU32,
}

/// Storage of records.
#[derive(Clone, Debug)]
pub struct Store {
    /// Directory of all data on this machine.
    pub data_dir: PathBuf,
    /// URL of a PostgreSQL database; `None` for SQLite in the data directory.
    pub database_url: Option<SecretString>,
    /// How long the record of an ended deployment is kept.
    pub record_retention: Duration,
    /// How long an audit entry is kept.
    pub audit_retention: Duration,
}

/// The key that encrypts secrets.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// The key itself; overrides the file.
    pub key: Option<SecretString>,
    /// The key file.
    pub key_file: PathBuf,
}

/// Authorization.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Whether users may approve their own deployments.
    pub starter_may_approve: bool,
    /// How long a ticket is valid.
    pub ticket_lifetime: Duration,
}

/// Execution of deployments.
#[derive(Clone, Debug)]
pub struct Work {
    /// Name of this node; `None` for the one in the data directory.
    pub node: Option<String>,
    /// Most deployments running at once.
    pub concurrency: NonZeroUsize,
    /// How long a deployment stays assigned to a node that sends no heartbeat.
    pub lease: Duration,
    /// How long the directory of an ended deployment is kept.
    pub retention: Duration,
    /// How long a plan waits for approval.
    pub approval_deadline: Duration,
    /// Timeout of a checkout.
    pub checkout_timeout: Duration,
    /// Time from the signal that stops a tool to the one that kills it.
    pub grace: Duration,
    /// How long a shutdown waits for running deployments; `None` to leave them running.
    pub drain: Option<Duration>,
    /// Size limit of a stored log.
    pub log_limit: ByteSize,
    /// Path of the runner; `None` to search for it.
    pub runner: Option<PathBuf>,
    /// Whether directories and repositories of this machine may be deployed.
    pub local_sources: bool,
    /// Hosts that repositories may be fetched from.
    pub allowed_git_hosts: AllowedHosts,
}

/// A private registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its host.
    pub host: Option<String>,
    /// Its token; `None` to ask its backend.
    pub token: Option<SecretString>,
}

/// File name of the database in the data directory.
const DATABASE_FILE: &str = "backend.db";
/// File name of the key in the data directory.
pub(crate) const KEY_FILE: &str = "sealing.key";
/// Identity of the node in the data directory, created at the first start; also its name, unless one is configured.
pub(crate) const NODE_FILE: &str = "node";
/// Below the data directory: one directory for each deployment.
pub(crate) const SESSIONS_DIR: &str = "sessions";

impl Config {
    /// Parses the settings.
    ///
    /// # Errors
    /// The first value that is not valid.
    pub fn of(layers: &Layers) -> Result<Self, ConfigError> {
        let reader = SettingReader { layers };
        let secret = |name| reader.text(name).map(SecretString::from);
        let path = |name| reader.text(name).map(PathBuf::from);
        let data_dir = reader.required("store.data_dir", |text| Ok(PathBuf::from(text)))?;
        Ok(Self {
            server: Server {
                listen: reader.required("server.listen", address)?,
                insecure: reader.required("server.insecure", switch)?,
                allowed_origins: reader
                    .text("server.allowed_origins")
                    .map(|text| list(&text))
                    .unwrap_or_default(),
                rate_limit: reader.required("server.rate_limit", rate)?,
                request_timeout: reader.required("server.request_timeout", duration)?,
                max_connections: reader.required("server.max_connections", from_one)?,
            },
            sealing: Sealing {
                key: secret("sealing.key"),
                key_file: path("sealing.key_file").unwrap_or_else(|| data_dir.join(KEY_FILE)),
            },
            store: Store {
                data_dir,
                database_url: reader
                    .read("store.database_url", postgres)?
                    .map(SecretString::from),
                record_retention: reader.required("store.record_retention", duration)?,
                audit_retention: reader.required("store.audit_retention", duration)?,
            },
            auth: Auth {
                starter_may_approve: reader.required("auth.starter_may_approve", switch)?,
                ticket_lifetime: reader.required("auth.ticket_lifetime", duration)?,
            },
            work: Work {
                node: reader.text("work.node"),
                concurrency: reader
                    .read("work.concurrency", from_one)?
                    .unwrap_or_else(cores),
                lease: reader.required("work.lease", duration)?,
                retention: reader.required("work.retention", duration)?,
                approval_deadline: reader.required("work.approval_deadline", duration)?,
                checkout_timeout: reader.required("work.checkout_timeout", duration)?,
                grace: reader.required("work.grace", duration)?,
                drain: reader.read("work.drain", duration)?,
                log_limit: reader.required("work.log_limit", log_size)?,
                runner: path("work.runner"),
                local_sources: reader.required("work.local_sources", switch)?,
                allowed_git_hosts: AllowedHosts::new(
                    reader
                        .read("work.allowed_git_hosts", |text| Ok(list(text)))?
                        .unwrap_or_default(),
                ),
            },
            sandbox: SandboxRequest {
                mode: reader.required("sandbox.mode", sandbox_mode)?,
                read: reader
                    .read("sandbox.read", absolute_paths)?
                    .unwrap_or_default(),
                write: reader
                    .read("sandbox.write", absolute_paths)?
                    .unwrap_or_default(),
                memory_limit_bytes: reader.read("sandbox.memory_limit", memory_limit)?,
            },
            registry: Registry {
                host: reader.text("registry.host"),
                token: secret("registry.token"),
            },
            log_format: reader.required("log.format", log_format)?,
        })
    }
}

impl Store {
    /// Returns the path of the SQLite database.
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join(DATABASE_FILE)
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected `text` or `json`".to_owned()),
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use iac_runner::protocol::SandboxMode;

    use super::*;

    fn config(flags: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let flags: BTreeMap<_, _> = flags
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        Config::of(&Layers::new().with_flags(flags))
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        let config = config(&[]).unwrap();
        assert!(config.server.listen.ip().is_loopback());
        assert_eq!(
            config.sealing.key_file,
            PathBuf::from("iac-backend-data/sealing.key")
        );
        assert_eq!(
            config.store.database_file(),
            PathBuf::from("iac-backend-data/backend.db")
        );
        assert!(config.store.database_url.is_none() && config.work.node.is_none());
        let sandbox = SandboxRequest {
            mode: SandboxMode::Auto,
            ..SandboxRequest::default()
        };
        assert_eq!(config.sandbox, sandbox);
        let hosts = &config.work.allowed_git_hosts;
        assert!(hosts.check("https://example.com/a").is_ok());
        assert!(hosts.check("http://127.0.0.1/a").is_err());
    }

    #[test]
    fn lists_of_paths_are_read() {
        let flags = [("sandbox.mode", "required"), ("sandbox.read", "/a, /b")];
        let sandbox = config(&flags).unwrap().sandbox;
        assert_eq!(sandbox.mode, SandboxMode::Required);
        assert_eq!(sandbox.read, [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    #[test]
    fn a_value_that_cannot_be_is_told_with_its_name_and_never_shown() {
        let table = [
            ("server.listen", "hunter2"),
            ("server.insecure", "hunter2"),
            ("server.rate_limit", "-1"),
            ("server.request_timeout", "0s"),
            ("store.data_dir", ""),
            ("store.database_url", "mysql://u:hunter2@h/d"),
            ("server.max_connections", "0"),
            ("work.concurrency", "0"),
            ("work.lease", "hunter2"),
            ("sandbox.mode", "hunter2"),
            ("sandbox.read", "/etc,hunter2"),
            ("sandbox.write", "hunter2"),
            ("sandbox.memory_limit", "hunter2"),
            ("sandbox.memory_limit", "1MiB"),
        ];
        for (name, text) in table {
            let error = config(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("flag"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let secrets = [
            ("store.database_url", "postgres://u:hunter2@h/d"),
            ("sealing.key", "hunter2"),
            ("registry.token", "hunter2"),
        ];
        let shown = format!("{:?}", config(&secrets).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
