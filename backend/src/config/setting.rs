//! All settings: names, defaults and descriptions.

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name in the file: table and key, such as `server.listen`.
    pub name: &'static str,
    /// Environment variable.
    pub variable: &'static str,
    /// Flag without its dashes; `None` for a secret, because every process on a machine can read flags.
    pub flag: Option<&'static str>,
    /// Default, as a user would write it; empty if there is none, or if it depends on other settings.
    pub default: &'static str,
    /// Type of the value.
    pub kind: ValueKind,
    /// Description, in one sentence.
    pub help: &'static str,
}

/// Type of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A path.
    Path,
    /// `true` or `false`; the flag alone is `true`.
    Switch,
    /// A whole number.
    Number,
    /// A number with a unit, such as `90s`, `24h` or `30days`.
    Duration,
    /// A number of bytes with a unit, such as `64MiB`.
    Size,
    /// Texts separated by commas; a list in the file.
    List,
}

impl ValueKind {
    /// Returns the name of the type in the documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Path => "path",
            Self::Switch => "switch",
            Self::Number => "number",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::List => "list",
        }
    }
}

const fn setting(
    name: &'static str,
    names: (&'static str, &'static str),
    kind: ValueKind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    let (variable, flag) = names;
    Setting {
        name,
        variable,
        flag: if flag.is_empty() { None } else { Some(flag) },
        default,
        kind,
        help,
    }
}

/// All settings, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    setting(
        "server.listen",
        ("IAC_BACKEND_LISTEN", "listen"),
        ValueKind::Text,
        "127.0.0.1:8080",
        "Address and port to serve on",
    ),
    setting(
        "server.insecure",
        ("IAC_BACKEND_INSECURE", "insecure"),
        ValueKind::Switch,
        "false",
        "Allow requests from other machines while no keys exist: anyone can then do everything",
    ),
    setting(
        "server.allowed_origins",
        ("ALLOWED_ORIGINS", "allowed-origins"),
        ValueKind::List,
        "",
        "Origins whose web pages may call the service (CORS); `*` for all",
    ),
    setting(
        "server.rate_limit",
        ("IAC_BACKEND_RATE_LIMIT", "rate-limit"),
        ValueKind::Number,
        "6000",
        "Requests a minute per key, or per address without a key; 0 for no limit",
    ),
    setting(
        "server.request_timeout",
        ("IAC_BACKEND_REQUEST_TIMEOUT", "request-timeout"),
        ValueKind::Duration,
        "60s",
        "Timeout of the request head, and of the time from there to the start of the response, including the request body",
    ),
    setting(
        "server.max_connections",
        ("IAC_BACKEND_MAX_CONNECTIONS", "max-connections"),
        ValueKind::Number,
        "4096",
        "Maximum number of open connections, including log streams; further ones wait until one closes",
    ),
    setting(
        "store.data_dir",
        ("IAC_BACKEND_DATA_DIR", "data-dir"),
        ValueKind::Path,
        "iac-backend-data",
        "Directory of all data on this machine",
    ),
    setting(
        "store.database_url",
        ("DATABASE_URL", ""),
        ValueKind::Secret,
        "",
        "URL of the PostgreSQL database; without it, SQLite in `backend.db` of the data directory",
    ),
    setting(
        "store.record_retention",
        ("IAC_BACKEND_RECORD_RETENTION", "record-retention"),
        ValueKind::Duration,
        "90days",
        "Retention of the record of an ended deployment, with its log",
    ),
    setting(
        "store.audit_retention",
        ("IAC_BACKEND_AUDIT_RETENTION", "audit-retention"),
        ValueKind::Duration,
        "365days",
        "Retention of audit trail entries",
    ),
    setting(
        "sealing.key",
        ("IAC_BACKEND_SEALING_KEY", ""),
        ValueKind::Secret,
        "",
        "Key that encrypts the secrets of requests: 32 bytes as 64 hexadecimal digits",
    ),
    setting(
        "sealing.key_file",
        ("IAC_BACKEND_SEALING_KEY_FILE", "sealing-key-file"),
        ValueKind::Path,
        "",
        "File with that key, created at the first start; `sealing.key` in the data directory by default",
    ),
    setting(
        "auth.starter_may_approve",
        ("IAC_BACKEND_STARTER_MAY_APPROVE", "starter-may-approve"),
        ValueKind::Switch,
        "true",
        "Allow users to approve their own deployments, also by `auto_approve`",
    ),
    setting(
        "auth.ticket_lifetime",
        ("IAC_BACKEND_TICKET_LIFETIME", "ticket-lifetime"),
        ValueKind::Duration,
        "60s",
        "Lifetime of a ticket for the log of a deployment",
    ),
    setting(
        "work.node",
        ("IAC_BACKEND_NODE", "node"),
        ValueKind::Text,
        "",
        "Name of this service among those that share a database; by default, an id that is stored in the data directory",
    ),
    setting(
        "work.concurrency",
        ("IAC_BACKEND_CONCURRENCY", "concurrency"),
        ValueKind::Number,
        "",
        "Maximum number of deployments that run at a time; the number of cores by default",
    ),
    setting(
        "work.lease",
        ("IAC_BACKEND_LEASE", "lease"),
        ValueKind::Duration,
        "30s",
        "Time without a heartbeat after which a node counts as lost",
    ),
    setting(
        "work.retention",
        ("IAC_BACKEND_WORK_RETENTION", "work-retention"),
        ValueKind::Duration,
        "24h",
        "Retention of the working directory of an ended deployment",
    ),
    setting(
        "work.approval_deadline",
        ("IAC_BACKEND_APPROVAL_DEADLINE", "approval-deadline"),
        ValueKind::Duration,
        "24h",
        "How long a plan waits for an approval",
    ),
    setting(
        "work.checkout_timeout",
        ("IAC_BACKEND_CHECKOUT_TIMEOUT", "checkout-timeout"),
        ValueKind::Duration,
        "10m",
        "Timeout of fetching a repository",
    ),
    setting(
        "work.grace",
        ("IAC_BACKEND_GRACE", "grace"),
        ValueKind::Duration,
        "60s",
        "Grace period: time from SIGINT to SIGKILL when a tool is stopped",
    ),
    setting(
        "work.drain",
        ("IAC_BACKEND_DRAIN", "drain"),
        ValueKind::Duration,
        "",
        "How long a stop waits for running deployments before it cancels them; if unset, they keep running without the service",
    ),
    setting(
        "work.log_limit",
        ("IAC_BACKEND_LOG_LIMIT", "log-limit"),
        ValueKind::Size,
        "64MiB",
        "Maximum stored size of a deployment's log; of a longer one, the beginning and the end are stored",
    ),
    setting(
        "work.runner",
        ("IAC_BACKEND_RUNNER", "runner"),
        ValueKind::Path,
        "",
        "Path of `iac-runner`; searched for by default",
    ),
    setting(
        "work.local_sources",
        ("IAC_BACKEND_LOCAL_SOURCES", "local-sources"),
        ValueKind::Switch,
        "false",
        "Allow deployments of directories and repositories on this machine, for everyone who may start deployments",
    ),
    setting(
        "work.allowed_git_hosts",
        ("IAC_BACKEND_ALLOWED_GIT_HOSTS", "allowed-git-hosts"),
        ValueKind::List,
        "public",
        "Hosts from which repositories may be fetched: globs such as `*.example.com`, addresses, and `public` for every host with a public address",
    ),
    setting(
        "sandbox.mode",
        ("IAC_BACKEND_SANDBOX", "sandbox"),
        ValueKind::Text,
        "auto",
        "Sandbox of the tools: `auto` as far as the kernel supports it, `required` to refuse to start where it doesn't, `off`",
    ),
    setting(
        "sandbox.read",
        ("IAC_BACKEND_SANDBOX_READ", "sandbox-read"),
        ValueKind::List,
        "",
        "Additional absolute paths that sandboxed tools may read, such as credential files",
    ),
    setting(
        "sandbox.write",
        ("IAC_BACKEND_SANDBOX_WRITE", "sandbox-write"),
        ValueKind::List,
        "",
        "Additional absolute paths that sandboxed tools may change, such as a plugin cache",
    ),
    setting(
        "sandbox.memory_limit",
        ("IAC_BACKEND_SANDBOX_MEMORY_LIMIT", "sandbox-memory-limit"),
        ValueKind::Size,
        "",
        "Maximum memory of each process of a deployment, also without a sandbox; three quarters of the available memory by default",
    ),
    setting(
        "registry.host",
        ("REGISTRY_HOST", "registry-host"),
        ValueKind::Text,
        "",
        "Address of a private registry",
    ),
    setting(
        "registry.token",
        ("REGISTRY_TOKEN", ""),
        ValueKind::Secret,
        "",
        "Token of that registry; if unset, it is requested from the registry's backend",
    ),
    setting(
        "log.format",
        ("IAC_BACKEND_LOG_FORMAT", "log-format"),
        ValueKind::Text,
        "text",
        "Format of the service's log on stderr: `text` or `json`",
    ),
];

impl Setting {
    /// Returns the setting with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Returns whether the value must never be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, ValueKind::Secret)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_comes_twice_and_no_secret_has_a_flag() {
        let mut seen = BTreeSet::new();
        for setting in SETTINGS {
            assert!(seen.insert(setting.name), "{}", setting.name);
            assert!(seen.insert(setting.variable), "{}", setting.variable);
            assert!(
                setting.flag.is_none_or(|flag| seen.insert(flag)),
                "{}",
                setting.name
            );
            assert_eq!(setting.is_secret(), setting.flag.is_none());
        }
    }

    #[test]
    fn documentation_lists_every_setting_and_no_other() {
        let code = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                format!("`{text}`")
            }
        };
        let mut table = "| in the file | variable | flag | kind | default | what it does |\n\
                         |---|---|---|---|---|---|\n"
            .to_owned();
        for it in SETTINGS {
            let flag = it.flag.map(|flag| format!("--{flag}")).unwrap_or_default();
            table += &format!(
                "| `{}` | `{}` | {} | {} | {} | {} |\n",
                it.name,
                it.variable,
                code(&flag),
                it.kind.word(),
                code(it.default),
                it.help
            );
        }
        let documented = include_str!("../../../docs/service/settings.md");
        assert!(documented.contains(&table), "the table should be:\n{table}");
    }
}
