//! Prepares everything before a process is started.

pub(crate) mod start_failure;

pub(super) mod data_dir;
pub(super) mod environment;
pub(super) mod go_gc;
pub(super) mod limits;
pub(super) mod refusal;
pub(super) mod resolve;
pub(super) mod secret_parts;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use self::environment::Variables;
use self::refusal::Refusal;

use super::messages::wording::of_system;
use super::run_dir::DISK_PATIENCE;
use crate::output::{MASK, Matcher};
use crate::process::within;
use crate::protocol::Request;

/// Output limit of a result up to which it is never lowered, in bytes.
const SMALL_OUTPUT_BYTES: u64 = 32 * 1024 * 1024;
/// Divisor of the memory: the part that the output of a result may use once.
const OUTPUT_PART: u64 = 4;

/// The environment of the tool, and the secrets to mask.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) variables: Variables,
    /// All arguments of the tool: those of the request, and those from these variables.
    pub(super) args: Vec<String>,
    pub(super) matcher: Arc<Matcher>,
}

impl Environment {
    /// Builds the tool's environment from the request and this process's own.
    pub(super) fn of(request: &Request) -> Self {
        let variables = environment::of_tool(request, std::env::vars_os());
        let args =
            crate::runner::command::cli_args::effective(&request.command, &request.args, |name| {
                environment::text_of(&variables, name)
            });
        let secrets = environment::secrets(request, &variables, &args);
        let matcher = Arc::new(Matcher::of(secrets));
        Self {
            variables,
            args,
            matcher,
        }
    }

    /// Returns the value of a variable that is text.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        environment::text_of(&self.variables, name)
    }
}

/// Checks that a tool can be run in a directory; the inner result contains the reason for a refusal, to be reported
/// later.
///
/// # Errors
/// The disk of the directory hangs: then nothing else there can be checked.
pub(super) fn check_work_dir_within(work_dir: &Path) -> Result<Result<PathBuf, String>, Refusal> {
    let of_thread = work_dir.to_owned();
    within(DISK_PATIENCE, move || check_work_dir(&of_thread)).ok_or_else(|| {
        // Without its path: nothing is masked yet.
        Refusal::not_started(format!(
            "`work_dir`: its disk has not answered for {} s",
            DISK_PATIENCE.as_secs()
        ))
    })
}

/// Checks that a tool can be run in a directory.
fn check_work_dir(work_dir: &Path) -> Result<PathBuf, String> {
    let refuse = |fault: io::Error| {
        format!(
            "`work_dir`: chdir {}: {}",
            work_dir.display(),
            of_system(&fault)
        )
    };
    let path = work_dir.canonicalize().map_err(refuse)?;
    if !path.is_dir() {
        return Err(refuse(Errno::ENOTDIR.into()));
    }
    access(&path, AccessFlags::R_OK | AccessFlags::X_OK).map_err(|fault| refuse(fault.into()))?;
    fs::read_dir(&path).map_err(refuse)?;
    Ok(path)
}

/// Finds the program, in the `PATH` that the tool itself will have.
pub(super) fn find_tool(request: &Request, environment: &Environment) -> Result<PathBuf, String> {
    let own = std::env::var_os("PATH");
    let path = environment
        .variables
        .get(OsStr::new("PATH"))
        .or(own.as_ref());
    resolve::tool(request.tool, path.map(std::ffi::OsString::as_os_str))
        .map_err(|fault| fault.to_string())
}

/// Returns sentences about secrets that are too short to be masked.
pub(super) fn unmasked_secrets(request: &Request) -> Vec<String> {
    request
        .secrets
        .iter()
        .enumerate()
        .filter(|(_, secret)| !Matcher::masks(secret.expose_secret().as_bytes()))
        .map(|(index, _)| {
            format!("`$.secrets[{index}]` is shorter than 6 characters and is not masked")
        })
        .collect()
}

/// Returns how much output the result may contain, and a sentence if that is less than requested.
///
/// Until the result is read, it uses up to three times its size in memory, which other processes then lack: the
/// kernel would kill this process, or the tool.
pub(super) fn output_limit(
    request: &Request,
    memory_bytes: impl Fn() -> u64,
) -> (u64, Option<String>) {
    let wanted = request.output_limit_bytes;
    if wanted <= SMALL_OUTPUT_BYTES {
        return (wanted, None);
    }
    let memory_bytes = memory_bytes();
    let most = (memory_bytes / OUTPUT_PART).max(SMALL_OUTPUT_BYTES);
    if wanted <= most {
        return (wanted, None);
    }
    let sentence = format!(
        "`output_limit_bytes`: {wanted} bytes of output do not fit into the memory of this process, which is \
         limited to {memory_bytes} bytes; `output` is cut at {most} bytes, and a `run_dir` keeps all of it"
    );
    (most, Some(sentence))
}

/// Returns a sentence about a file size limit that the tool's output may reach.
pub(super) fn limited_files(bytes: u64) -> String {
    format!(
        "no file may grow beyond {bytes} bytes here, and the output goes to one: a tool that prints more \
         may end; lift the limit (`ulimit -f`, `LimitFSIZE=`)"
    )
}

/// Returns a sentence that the file size limit truncated the output.
pub(super) fn cut_output(limit: u64) -> String {
    format!(
        "the output was cut at {limit} bytes, the largest size of a file here, so that errors of the tool may be \
         missing; lift the limit (`ulimit -f`, `LimitFSIZE=`)"
    )
}

/// Returns the warning that output events are missing from a stream.
pub(super) fn cut_stream(limit: u64) -> String {
    format!(
        "output events were left out of the stream, to leave room for the result: no file may have more than {limit} \
         bytes here; lift the limit (`ulimit -f`, `LimitFSIZE=`)"
    )
}

/// Fields of a request that may contain any text; others contain words of the wire format, names or numbers.
const FREE_TEXTS: [&str; 6] = [
    "/work_dir",
    "/run_dir",
    "/args",
    "/tool_version",
    "/sandbox/read",
    "/sandbox/write",
];

/// Returns the request as it may be stored: without secrets and the values of all variables, and the rest masked.
///
/// It cannot be known which variables contain a secret: a password may be part of `DATABASE_URL`.
pub(super) fn masked_request(request: &Request, matcher: &Matcher) -> String {
    let mut document = json!(request);
    if let Some(secrets) = document.get_mut("secrets").and_then(Value::as_array_mut) {
        secrets.fill(Value::from(MASK));
    }
    if let Some(variables) = document.get_mut("env_vars").and_then(Value::as_object_mut) {
        for value in variables.values_mut() {
            *value = Value::from(MASK);
        }
    }
    for free in FREE_TEXTS {
        if let Some(value) = document.pointer_mut(free) {
            mask_strings(value, matcher);
        }
    }
    document.to_string()
}

fn mask_strings(value: &mut Value, matcher: &Matcher) {
    match value {
        Value::String(text) => *text = matcher.mask(text),
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| mask_strings(value, matcher)),
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|value| mask_strings(value, matcher));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::{SandboxMode, Tool};

    use super::*;

    #[test]
    fn the_output_of_a_result_fits_into_memory() {
        const MIB: u64 = 1024 * 1024;
        let table = [
            (8 * MIB, 16 * MIB, 8 * MIB),
            (32 * MIB, 16 * MIB, 32 * MIB),
            (33 * MIB, 16 * MIB, 32 * MIB),
            (100 * MIB, 400 * MIB, 100 * MIB),
            (100 * MIB, 399 * MIB, 399 * MIB / 4),
            (1024 * MIB, 64 * 1024 * MIB, 1024 * MIB),
        ];
        let mut request = Request::new(Tool::Terraform, "/tmp", "plan");
        for (wanted, memory, limit) in table {
            request.output_limit_bytes = wanted;
            let (set, warning) = output_limit(&request, || memory);
            assert_eq!(set, limit, "{wanted} of {memory}");
            assert_eq!(warning.is_some(), limit != wanted, "{warning:?}");
        }
    }

    #[test]
    fn the_kept_request_holds_no_secret_and_can_be_read_again() {
        let mut request = Request::new(Tool::Terraform, "/tmp", "plan");
        request.secrets = vec!["hunter22".to_owned().into(), "short".to_owned().into()];
        request.args = vec!["-var=password=hunter22".into()];
        request.secrets.push("required".to_owned().into());
        request.sandbox.mode = SandboxMode::Required;
        request.sandbox.read = vec!["/srv/hunter22".into()];
        for (name, value) in [
            ("TF_TOKEN_x", "12"),
            ("TF_VAR_a", "is hunter22"),
            ("TF_VAR_b", "free"),
        ] {
            request
                .env_vars
                .insert(name.into(), value.to_owned().into());
        }
        let environment = Environment::of(&request);
        let kept = masked_request(&request, &environment.matcher);
        for secret in ["hunter22", "short", "12\"", "free"] {
            assert!(!kept.contains(secret), "{secret} in {kept}");
        }
        let read = Request::parse(kept.as_bytes()).unwrap();
        assert_eq!(read.args, ["-var=password=***"]);
        assert_eq!(read.sandbox.mode, SandboxMode::Required);
        assert_eq!(read.sandbox.read, [Path::new("/srv/***")]);
        assert_eq!(read.env_vars["TF_VAR_b"].expose_secret(), "***");
    }
}
