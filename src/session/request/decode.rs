//! Decodes the bytes of a body into types, and reports every fault of its shape.

use secrecy::SecretString;

use super::fault::{FieldFault, InvalidRequest};
use super::source::{Git, GitAuth, Source, SshCredentials};
use super::{DEFAULT_COMMAND_TIMEOUT, DeployRequest, MAX_GIT_DEPTH, Operation};
use crate::protocol::fields::Fields;
use crate::protocol::json::exact_number;
use crate::protocol::{Json, Tool, tree_of};

/// Decodes a body as far as possible, and returns what is wrong with its shape.
///
/// # Errors
/// The body is not a JSON object.
pub(super) fn body(body: &[u8]) -> Result<(DeployRequest, Vec<FieldFault>), InvalidRequest> {
    let tree = match std::str::from_utf8(body) {
        Ok(text) => tree_of(exact_number::protect(text).as_bytes()),
        Err(_) => tree_of(body),
    };
    let tree = tree.map_err(|error| InvalidRequest {
        faults: error.faults.into_iter().map(FieldFault::from).collect(),
    })?;
    match tree {
        Json::Object(entries) => Ok(request(Fields::new("", entries))),
        other => Err(InvalidRequest::whole(format!(
            "expected an object with `tool`, and `git_url` and `git_ref` or `source`, found {}",
            other.kind()
        ))),
    }
}

fn request(mut fields: Fields) -> (DeployRequest, Vec<FieldFault>) {
    let tool = tool(&mut fields);
    let source = source(&mut fields);
    let request = DeployRequest {
        tool,
        source,
        path: fields
            .string("path")
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| ".".to_owned()),
        env_vars: fields
            .string_map("env_vars")
            .into_iter()
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect(),
        tfvars_files: fields.strings("tfvars_files"),
        init_flags: fields.string("init_flags").unwrap_or_default(),
        plan_flags: fields.string("plan_flags").unwrap_or_default(),
        apply_flags: fields.string("apply_flags").unwrap_or_default(),
        timeout_minutes: fields.number("timeout", DEFAULT_COMMAND_TIMEOUT.as_secs_f64() / 60.0),
        auto_approve: fields.bool("auto_approve"),
        operation: operation(&mut fields),
        workspace: fields
            .string("workspace")
            .filter(|workspace| !workspace.is_empty()),
        targets: fields.strings("targets"),
        replace: fields.strings("replace"),
        variables: fields.value_map("variables"),
        backend_config: fields.string_map("backend_config"),
    };
    let faults = fields.finish();
    (request, faults.into_iter().map(FieldFault::from).collect())
}

fn tool(fields: &mut Fields) -> Tool {
    let Some(word) = fields.required("tool") else {
        return Tool::Terraform;
    };
    Tool::from_program(&word).unwrap_or_else(|| {
        fields.fault("tool", "expected \"terraform\" or \"tofu\"");
        Tool::Terraform
    })
}

fn operation(fields: &mut Fields) -> Operation {
    let Some(word) = fields.string("operation") else {
        return Operation::default();
    };
    Operation::from_word(&word).unwrap_or_else(|| {
        fields.fault(
            "operation",
            "expected \"deploy\", \"plan\", \"destroy\", \"drift\" or \"validate\"",
        );
        Operation::default()
    })
}

/// Reads the source; one with a wrong shape becomes a directory with an empty path.
fn source(fields: &mut Fields) -> Source {
    const EXPECTED: &str = "an object with `directory` or `files`";
    let git = [
        "git_url",
        "git_ref",
        "git_auth",
        "ssh",
        "submodules",
        "git_depth",
    ];
    let given = fields.take("source");
    let Some(given) = given else {
        return Source::Git(repository(fields));
    };
    for name in git {
        if fields.take(name).is_some() {
            fields.fault(name, "is about a git repository, and `source` is given");
        }
    }
    let Json::Object(entries) = given else {
        fields.fault(
            "source",
            format!("expected {EXPECTED}, found {}", given.kind()),
        );
        return Source::Directory("".into());
    };
    let mut within = Fields::new("source", entries);
    let directory = within.take("directory");
    let files = within.take("files");
    let source = match (directory, files) {
        (Some(Json::String(path)), None) => Source::Directory(path.into()),
        (Some(other), None) => {
            within.fault(
                "directory",
                format!("expected a string, found {}", other.kind()),
            );
            Source::Directory("".into())
        }
        (None, Some(files)) => {
            let mut holder = Fields::new("source", vec![("files".to_owned(), files)]);
            let files = holder.string_map("files");
            within.take_over(holder);
            Source::Files(files)
        }
        (Some(_), Some(_)) => {
            fields.fault("source", "holds both `directory` and `files`; give one");
            Source::Directory("".into())
        }
        (None, None) => {
            fields.fault("source", format!("expected {EXPECTED}"));
            Source::Directory("".into())
        }
    };
    fields.take_over(within);
    source
}

fn repository(fields: &mut Fields) -> Git {
    Git {
        url: fields
            .required_for(
                "git_url",
                "is required with `git_ref`, unless `source` is given",
            )
            .unwrap_or_default(),
        git_ref: fields
            .required_for(
                "git_ref",
                "is required with `git_url`, unless `source` is given",
            )
            .unwrap_or_default(),
        auth: git_auth(fields),
        ssh: ssh(fields),
        submodules: fields.bool("submodules"),
        depth: depth(fields),
    }
}

fn depth(fields: &mut Fields) -> Option<u32> {
    let number = match fields.take("git_depth")? {
        Json::Number(number) => number,
        other => {
            let problem = format!("expected a number, found {}", other.kind());
            fields.fault("git_depth", problem);
            return None;
        }
    };
    let depth = number
        .as_u64()
        .and_then(|depth| u32::try_from(depth).ok())
        .filter(|depth| *depth <= MAX_GIT_DEPTH);
    if depth.is_none() {
        let problem = format!("expected a whole number from 0 to {MAX_GIT_DEPTH}");
        fields.fault("git_depth", problem);
    }
    depth
}

fn git_auth(fields: &mut Fields) -> Option<GitAuth> {
    let expected = "an object with `type`, `username` and `password`";
    let mut within = fields.object("git_auth", expected)?;
    let kind = within.string("type");
    let username = match kind.as_deref() {
        Some("token") => within
            .string("username")
            .unwrap_or_else(|| "token".to_owned()),
        None | Some("http" | "basic") => within.required("username").unwrap_or_default(),
        Some(_) => {
            within.fault(
                "type",
                "expected \"http\", \"basic\" or \"token\"; a key for ssh goes into `ssh`",
            );
            within.string("username").unwrap_or_default()
        }
    };
    let auth = GitAuth {
        username,
        password: within.required("password").unwrap_or_default().into(),
    };
    fields.take_over(within);
    Some(auth)
}

fn ssh(fields: &mut Fields) -> Option<SshCredentials> {
    let expected = "an object with `private_key` and `known_hosts`";
    let mut within = fields.object("ssh", expected)?;
    let credentials = SshCredentials {
        private_key: within.required("private_key").unwrap_or_default().into(),
        known_hosts: within.required("known_hosts").unwrap_or_default(),
    };
    fields.take_over(within);
    Some(credentials)
}
