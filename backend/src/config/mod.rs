//! The configuration: a file, the environment, flags, in that order of strength.
//!
//! | file | holds |
//! |---|---|
//! | `setting` | every setting, in one table, from which flags and documentation are made |
//! | `layers` | the text of each, and where it comes from |
//! | `origin` | the places that may be |
//! | `values` | from text to values |
//! | `shown` | the configuration as it may be shown |

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
pub use setting::{Kind, SETTINGS, Setting};
pub use shown::shown;
use values::{
    Reader, absolute_paths, address, duration, from_one, list, log_size, postgres, rate,
    sandbox_mode, switch,
};

/// The whole configuration, by concern.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is served, and to whom.
    pub server: Server,
    /// Where records are kept.
    pub store: Store,
    /// The key that seals secrets.
    pub sealing: Sealing,
    /// Who may do what.
    pub auth: Auth,
    /// How deployments are carried out.
    pub work: Work,
    /// What the tools may reach.
    pub sandbox: SandboxRequest,
    /// A private registry.
    pub registry: Registry,
    /// How the service writes its own log.
    pub log_format: LogFormat,
}

/// How the service writes its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object a line.
    Json,
}

/// What is served, and to whom.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address and port.
    pub listen: SocketAddr,
    /// Serve beyond loopback without keys.
    pub insecure: bool,
    /// Origins whose pages may use the service.
    pub allowed_origins: Vec<String>,
    /// Calls a minute by one caller; none for as many as come.
    pub rate_limit: Option<NonZeroU32>,
    /// How long the head of a call may take, and then the call until its answer begins.
    pub request_timeout: Duration,
    /// Connections open at a time.
    pub max_connections: NonZeroU32,
}

/// Where records are kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// The directory of everything on this machine.
    pub data_dir: PathBuf,
    /// PostgreSQL; none for SQLite in the data directory.
    pub database_url: Option<SecretString>,
    /// How long the record of an ended deployment is kept.
    pub record_retention: Duration,
    /// How long an entry of the audit trail is kept.
    pub audit_retention: Duration,
}

/// The key that seals secrets.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// The key itself; wins over the file.
    pub key: Option<SecretString>,
    /// The file of the key.
    pub key_file: PathBuf,
}

/// Who may do what.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Whether who started a deployment may approve its plan.
    pub starter_may_approve: bool,
    /// How long a ticket is good.
    pub ticket_lifetime: Duration,
}

/// How deployments are carried out.
#[derive(Clone, Debug)]
pub struct Work {
    /// The name of this node; none for the one that is kept in the data directory.
    pub node: Option<String>,
    /// Deployments at work at a time.
    pub concurrency: NonZeroUsize,
    /// How long a deployment stays with a machine that gives no sign of life.
    pub lease: Duration,
    /// How long the directory of an ended deployment is kept.
    pub retention: Duration,
    /// How long a plan waits for somebody to decide.
    pub approval_deadline: Duration,
    /// How long a checkout may take.
    pub checkout_timeout: Duration,
    /// From the signal that stops a tool to the one that kills it.
    pub grace: Duration,
    /// How long a stop waits for what is at work; none to leave it running.
    pub drain: Option<Duration>,
    /// How much of a log is kept.
    pub log_limit: ByteSize,
    /// The runner; none to look for it.
    pub runner: Option<PathBuf>,
    /// Whether directories and repositories of this machine are deployed.
    pub local_sources: bool,
    /// From which hosts repositories are fetched.
    pub allowed_git_hosts: AllowedHosts,
}

/// A private registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its address.
    pub host: Option<String>,
    /// Its token; none to ask its backend.
    pub token: Option<SecretString>,
}

/// The database's file in the data directory.
const DATABASE_FILE: &str = "backend.db";
/// The key's file in the data directory.
const KEY_FILE: &str = "sealing.key";

impl Config {
    /// Makes values of texts.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn of(layers: &Layers) -> Result<Self, ConfigError> {
        let reader = Reader { layers };
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
    /// The file of the SQLite database.
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
