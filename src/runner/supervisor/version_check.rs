//! Asks a tool for its version, in the directory and environment in which it is to run.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::time::Instant;

use crate::output::{Capture, Spool};
use crate::process::{ChildSignals, Ended, Launch, Sandbox, ToolGroup, memory_file};
use crate::protocol::{Request, StopReason};
use crate::runner::command::leader::Leader;
use crate::runner::preparation::Environment;
use crate::runner::preparation::environment::Variables;
use crate::runner::preparation::start_failure;
use crate::runner::supervisor::escalation::Escalation;
use crate::runner::supervisor::event_writer::EventWriter;
use crate::runner::supervisor::output_pipeline::OutputPipeline;
use crate::runner::supervisor::stop_requests::StopRequests;
use crate::runner::supervisor::supervision::Supervision;
use crate::runner::tool_output::json_document::OutputRedactor;

/// How long a tool may take to print its version; the slowest observed take a second.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take to end after that.
const GRACE: Duration = Duration::from_secs(2);
/// Most bytes of output that are read.
const OUTPUT_BYTES: u64 = 64 * 1024;

/// Why the version is unknown.
#[derive(Debug, Error)]
pub(crate) enum VersionError {
    #[error("the tool could not be asked for its version: {}", start_failure::explain(.0))]
    Io(#[from] io::Error),
    #[error("the tool did not say its version within {} s", DEADLINE.as_secs())]
    TooSlow,
    #[error("the tool did not say its version in a form that is known")]
    Unreadable,
    #[error("stopped")]
    Stopped(StopReason),
}

/// The needed part of what `version -json` of both tools prints.
#[derive(Deserialize)]
struct Version {
    terraform_version: String,
}

/// Parses the version from the output of `version -json`, which may begin with warnings and log lines.
pub(crate) fn read(output: &str) -> Option<String> {
    output
        .match_indices('{')
        .filter_map(|(at, _)| {
            let documents = serde_json::Deserializer::from_str(&output[at..]);
            documents.into_iter::<Version>().next()?.ok()
        })
        .map(|version| version.terraform_version)
        .next()
}

/// Returns an environment in which a tool prints its version without its log, and gets only our arguments.
fn of_question(variables: &Variables) -> Variables {
    const LEFT_OUT: [&[u8]; 2] = [b"TF_LOG", b"TF_CLI_ARGS"];
    let is_kept = |name: &OsStr| !LEFT_OUT.iter().any(|it| name.as_bytes().starts_with(it));
    variables
        .iter()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The tool to ask, and the orders to obey meanwhile.
pub(crate) struct Check<'a> {
    pub(crate) request: &'a Request,
    pub(crate) program: &'a Path,
    pub(crate) work_dir: &'a Path,
    pub(crate) environment: &'a Environment,
    pub(crate) sandbox: Option<&'a Sandbox>,
    pub(crate) stop_requests: &'a mut StopRequests,
    pub(crate) event_writer: &'a mut EventWriter,
}

/// Asks a tool for its version.
///
/// The command is supervised like any other: version managers put scripts in the tool's place that may do anything,
/// such as a download.
pub(crate) async fn of_tool(check: Check<'_>) -> Result<String, VersionError> {
    let spool = Spool::create()?;
    let children = ChildSignals::listen()?;
    let tool = ToolGroup::spawn(&Launch {
        program: check.program,
        args: &["version".to_owned(), "-json".to_owned()],
        environment: &of_question(&check.environment.variables),
        work_dir: check.work_dir,
        output: spool.writer()?,
        sandbox: check.sandbox,
        memory_limit: check.request.sandbox.memory_limit_bytes,
    })?;
    let capture = Capture::new(memory_file("version")?, OUTPUT_BYTES);
    // The output is not shown, and a secret may equal a word of it.
    let mut pipeline = OutputPipeline::new(OutputRedactor::of_nothing(), capture);
    check.event_writer.before_run();
    let run_end = Supervision {
        tool,
        program: check.request.tool.program(),
        leader: Leader::of(check.program),
        spool,
        children,
        escalation: Escalation::new(Instant::now(), DEADLINE, GRACE),
        on_disconnect: check.request.on_disconnect,
        grace: GRACE,
        stop_requests: check.stop_requests,
        event_writer: &mut *check.event_writer,
        pipeline: &mut pipeline,
    }
    .run_to_end()
    .await;
    check.event_writer.begin_run();
    match (run_end.stop_reason, run_end.ended) {
        (Some(StopReason::Timeout), _) => Err(VersionError::TooSlow),
        (Some(reason), _) => Err(VersionError::Stopped(reason)),
        (None, Some(Ended::Exited(0))) => {
            read(&pipeline.capture.captured()?.to_string()).ok_or(VersionError::Unreadable)
        }
        (None, _) => Err(VersionError::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_no_log_and_no_arguments_of_others() {
        let names = [
            "PATH",
            "TF_LOG",
            "TF_LOG_CORE",
            "TF_LOG_PATH",
            "TF_CLI_ARGS",
            "TF_CLI_ARGS_version",
            "TF_CLI_CONFIG_FILE",
        ];
        let asked = of_question(&names.map(|name| (name.into(), "x".into())).into());
        let left: Vec<_> = asked.keys().filter_map(|name| name.to_str()).collect();
        assert_eq!(left, ["PATH", "TF_CLI_CONFIG_FILE"]);
    }

    #[test]
    fn the_version_is_found_in_what_the_tools_print() {
        let table = [
            (
                "{\n  \"terraform_version\": \"1.11.4\",\n  \"platform\": \"linux_amd64\"\n}\n",
                Some("1.11.4"),
            ),
            (
                "\nWarning: no such file\n\n{\"terraform_version\":\"1.6.2\",\"x\":[{}]}",
                Some("1.6.2"),
            ),
            (
                "2026-01-01 [INFO]  Go {runtime}\n{\"@level\":\"info\"}\n{\"terraform_version\":\"1.6.2\"}\n{}",
                Some("1.6.2"),
            ),
            ("Terraform v1.11.4", None),
            ("{}", None),
        ];
        for (output, version) in table {
            assert_eq!(read(output).as_deref(), version, "{output}");
        }
    }
}
