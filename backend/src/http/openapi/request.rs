//! The body of `POST /deploy`.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::{Operation, Tool};

/// A deployment request, with either `git_url` and `git_ref`, or `source`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body that the library reads")]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "tool": "terraform",
    "operation": "validate",
    "source": {"files": {"main.tf": "output \"greeting\" { value = \"Hello!\" }"}},
}))]
pub(crate) struct DeployRequest {
    /// The tool to run.
    tool: Tool,
    /// Repository: `https://`, `http://`, `ssh://` or `user@host:path`, without credentials.
    git_url: Option<String>,
    /// Branch, tag, or full commit id.
    git_ref: Option<String>,
    /// Credentials for http and https.
    git_auth: Option<GitAuth>,
    /// Credentials for ssh.
    ssh: Option<SshCredentials>,
    /// Whether to fetch submodules as well.
    submodules: Option<bool>,
    /// How many commits of the history to fetch, with tags; 0 for all. If omitted, only the commit itself.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    git_depth: Option<u64>,
    /// A source other than git.
    source: Option<Source>,
    /// Directory of the root module in the source; `.` by default.
    path: Option<String>,
    /// Environment variables for the tool and its child processes; their values are secret.
    env_vars: Option<BTreeMap<String, String>>,
    /// Variable files, relative to `path`.
    tfvars_files: Option<Vec<String>>,
    /// Flags for `init`, in shell syntax.
    init_flags: Option<String>,
    /// Flags for `plan`, in shell syntax; `-parallelism`, `-lock-timeout`, `-no-color` and `-compact-warnings` apply to
    /// `apply` as well.
    plan_flags: Option<String>,
    /// Flags for `apply`, in shell syntax.
    apply_flags: Option<String>,
    /// Timeout of each command, in minutes; 60 by default.
    timeout: Option<f64>,
    /// Whether to apply the plan without asking for approval. It counts as an approval by the starter: it needs the
    /// roles `deployer` and `approver`, or `admin`, and `auth.starter_may_approve`. It has no effect on operations that
    /// apply nothing.
    auto_approve: Option<bool>,
    /// Operation to run; `deploy` by default.
    operation: Option<Operation>,
    /// The workspace to select.
    workspace: Option<String>,
    /// Resource addresses to limit the plan to.
    targets: Option<Vec<String>>,
    /// Resource addresses to replace.
    replace: Option<Vec<String>>,
    /// Values of input variables; none may be secret.
    variables: Option<BTreeMap<String, Value>>,
    /// Settings of the backend; none may be secret.
    backend_config: Option<BTreeMap<String, String>>,
}

/// User name, and password or token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body that the library reads")]
#[serde(deny_unknown_fields)]
struct GitAuth {
    /// `http`, `basic` or `token`; `http` by default.
    r#type: Option<String>,
    /// User name; optional with `token`.
    username: Option<String>,
    /// Password or token.
    #[schema(format = Password)]
    password: String,
}

/// Private key and known hosts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body that the library reads")]
#[serde(deny_unknown_fields)]
struct SshCredentials {
    /// The private key in PEM or OpenSSH form, without a passphrase.
    #[schema(format = Password)]
    private_key: String,
    /// Lines of a `known_hosts` file.
    known_hosts: String,
}

/// A source other than git: either `files` or `directory`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body that the library reads")]
#[serde(deny_unknown_fields)]
struct Source {
    /// Files in the request: name to text.
    files: Option<BTreeMap<String, String>>,
    /// A directory on the server, if the service is configured to deploy from local directories.
    directory: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use iac_runner::session;
    use iac_runner::session::request::flags::FlagPolicy;
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;

    fn properties() -> BTreeSet<String> {
        let schema = serde_json::to_value(DeployRequest::schema()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    #[test]
    fn every_field_that_is_described_is_one_that_the_library_knows() {
        let all: serde_json::Map<_, _> = properties()
            .into_iter()
            .map(|it| (it, json!([[]])))
            .collect();
        let body = json!(all).to_string();
        let invalid = session::DeployRequest::parse(body.as_bytes(), &FlagPolicy::default());
        for fault in invalid.unwrap_err().faults {
            assert_ne!(fault.problem, "unknown field", "{}", fault.field);
        }
    }

    #[test]
    fn every_field_that_the_library_keeps_is_described() {
        let git = json!({
            "tool": "tofu", "git_url": "https://h/a", "git_ref": "main",
            "git_auth": {"username": "ann", "password": "hunter2"},
        });
        let ssh = json!({
            "tool": "tofu", "git_url": "ssh://h/a", "git_ref": "main",
            "ssh": {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n", "known_hosts": "h"},
        });
        let files = json!({"tool": "tofu", "source": {"files": {"main.tf": ""}}});
        let mut kept = BTreeSet::new();
        for body in [git, ssh, files] {
            let body = body.to_string();
            let request = session::DeployRequest::parse(body.as_bytes(), &FlagPolicy::default());
            let record = request.unwrap().record();
            kept.extend(record.as_object().unwrap().keys().cloned());
        }
        assert_eq!(kept, properties());
    }
}
