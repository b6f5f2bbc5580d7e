//! The supervisor: owns the tool from its start until no process of it is left.

pub(crate) mod interrupt_notice;
pub(crate) mod version_check;

pub(super) mod control_socket;
pub(super) mod escalation;
pub(super) mod event_writer;
pub(super) mod flood;
pub(super) mod output_pipeline;
pub(super) mod stop_requests;
pub(super) mod supervision;

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use self::control_socket::ControlSocket;
use self::escalation::Escalation;
use self::event_writer::EventWriter;
use self::output_pipeline::OutputPipeline;
use self::stop_requests::{StopRequest, StopRequests};
use self::supervision::Supervision;
use super::command::leader::Leader;
use super::link::relay::RelayWriter;
use super::link::{Link, Message};
use super::preparation::refusal::{Refusal, accept, could_not_start};
use super::result::oom::{Kill, OomCounter};
use crate::runner::messages::mode::Mode;

use super::messages::wording::of_system;
use super::preparation::{self, Environment};
use super::result::document::{Times, of_no_tool};
use super::result::masking::{mask_result, masked_path, masked_sentence};
use super::result::result_builder;
use super::result::result_builder::Run;
use super::run_dir::{Durability, Recorder, ResultOutput};
use super::sandbox::{self, Confinement};
use super::tool_output::json_document::OutputRedactor;
use crate::output::{Capture, Matcher, Spool};
use crate::process::{ChildSignals, Launch, OwnSignals, ToolGroup, memory_limit, start_time};
use crate::protocol::{Event, OnDisconnect, Request, RunResult, StopReason, exit_status};

/// How long the front may take to receive the last messages.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long to wait for a hung disk of a record once the run has ended and the front is notified.
const LINGER: Duration = Duration::from_secs(60 * 60);

/// What the supervisor inherits from the fork.
#[derive(Debug)]
pub(super) struct Inherited {
    pub(super) socket: UnixStream,
    pub(super) relay: File,
    pub(super) capture: File,
    pub(super) mode: Mode,
    /// In bytes, if there is a limit that could not be lifted.
    pub(super) file_size_limit: Option<u64>,
}

/// Runs one request from the front and produces its result; returns the exit status of the runner.
pub(super) async fn serve(inherited: Inherited) -> io::Result<u8> {
    let stop_requests = StopRequests::new(Link::new(inherited.socket)?, OwnSignals::listen()?);
    let mut supervisor = Supervisor {
        stop_requests,
        event_writer: EventWriter::new(
            inherited.mode,
            RelayWriter::new(inherited.relay, inherited.file_size_limit),
        ),
        record: None,
        matcher: Arc::new(Matcher::new([])),
        file_size_limit: inherited.file_size_limit,
        confinement: None,
        began_at: Utc::now(),
    };
    let Some(first) = supervisor.stop_requests.first_message().await else {
        // The front is gone without leaving a request.
        return Ok(exit_status::INTERNAL_FAULT);
    };
    let status = match supervisor.run(first, inherited.capture).await {
        Ok(status) => status,
        Err(refusal) => supervisor.refuse(refusal),
    };
    supervisor.stop_requests.link.flush(FAREWELL).await;
    let Supervisor {
        stop_requests,
        record,
        confinement,
        ..
    } = supervisor;
    // The front need not wait for the remaining work.
    drop(stop_requests);
    if let Some(confinement) = confinement {
        confinement.remove_temp_dir();
        sandbox::remove_leftovers();
    }
    if let Some(record) = record {
        record.close();
        record.linger(LINGER);
    }
    Ok(status)
}

/// The connections of the supervisor.
#[derive(Debug)]
struct Supervisor {
    stop_requests: StopRequests,
    event_writer: EventWriter,
    record: Option<Arc<Recorder>>,
    matcher: Arc<Matcher>,
    file_size_limit: Option<u64>,
    confinement: Option<Confinement>,
    began_at: DateTime<Utc>,
}

impl Supervisor {
    /// Carries out one run from start to end.
    async fn run(&mut self, first: Message, capture: File) -> Result<u8, Refusal> {
        let request = accept(first)?;
        let work_dir = preparation::check_work_dir_within(&request.work_dir)?;
        let mut environment = Environment::of(&request);
        self.matcher = Arc::clone(&environment.matcher);
        self.event_writer
            .mask_with(Arc::clone(&environment.matcher));
        let (output_limit, lowered) = preparation::output_limit(&request, memory_limit);
        let mut pipeline = OutputPipeline::new(
            OutputRedactor::of(
                &request,
                &environment.args,
                Arc::clone(&environment.matcher),
            ),
            Capture::new(capture, output_limit),
        );
        self.open_record(&request, &mut pipeline)?;
        self.warn_all(preparation::unmasked_secrets(&request));
        self.warn_all(lowered.into_iter().collect());
        self.warn_all(
            self.file_size_limit
                .map(preparation::limited_files)
                .into_iter()
                .collect(),
        );
        let work_dir = work_dir.map_err(Refusal::not_started)?;
        let program =
            preparation::find_tool(&request, &environment).map_err(Refusal::not_started)?;
        self.confine(&request, &mut environment, &program, &work_dir)?;
        self.check_version(&request, &program, &work_dir, &environment)
            .await?;
        if self.stop_requests.reader_gone {
            self.event_writer.reader_gone();
        }
        self.refuse_if_stopped(request.on_disconnect).await?;

        let before = result_builder::look_before(&request, &environment, &work_dir);
        let oom_counter = OomCounter::start();
        let spool = Spool::create().map_err(|fault| could_not_start(&program, &fault))?;
        let children = ChildSignals::listen().map_err(|fault| could_not_start(&program, &fault))?;
        let args: Vec<String> = std::iter::once(request.command.clone())
            .chain(request.args.iter().cloned())
            .collect();
        let tool = self
            .event_writer
            .tool_may_run()
            .and_then(|()| spool.writer())
            .and_then(|output| {
                ToolGroup::spawn(&Launch {
                    program: &program,
                    args: &args,
                    environment: &environment.variables,
                    work_dir: &work_dir,
                    output,
                    sandbox: self.confinement.as_ref().map(|it| &it.sandbox),
                    memory_limit: request.sandbox.memory_limit_bytes,
                })
            })
            .map_err(|fault| could_not_start(&program, &fault))?;
        let started = Instant::now();
        let started_at = Utc::now();
        self.announce(&tool, &program, &request, &args);

        let started_as = Leader::of(&program);
        let mut run_end = Supervision {
            tool,
            program: request.tool.program(),
            leader: started_as,
            spool,
            children,
            escalation: Escalation::new(started, request.timeout(), request.grace()),
            on_disconnect: request.on_disconnect,
            grace: request.grace(),
            stop_requests: &mut self.stop_requests,
            event_writer: &mut self.event_writer,
            pipeline: &mut pipeline,
        }
        .run_to_end()
        .await;
        let cut_at = self
            .file_size_limit
            .filter(|&limit| pipeline.evidence.total_bytes() >= limit);
        if let Some(limit) = cut_at {
            run_end.output_complete = false;
            self.warn_all(vec![preparation::cut_output(limit)]);
        }
        if let (Some(limit), false) = (self.file_size_limit, self.event_writer.is_whole()) {
            self.warn_all(vec![preparation::cut_stream(limit)]);
        }
        let times = Times {
            started_at,
            duration: started.elapsed(),
        };
        let run = Run {
            request: &request,
            environment: &environment,
            work_dir: &work_dir,
            run_end: &run_end,
            started_as,
            evidence: &pipeline.evidence,
            tail: pipeline.tail.as_str(),
            matcher: &environment.matcher,
            cut_at,
            times,
            before: &before,
            oom: oom_counter.map_or(Kill::NotSeen, |counter| counter.seen()),
            sandbox: self.confinement.as_ref().map(|it| it.name.clone()),
        };
        Ok(self.conclude(&run, &pipeline))
    }

    /// Opens the durable record, if one is requested.
    fn open_record(
        &mut self,
        request: &Request,
        pipeline: &mut OutputPipeline,
    ) -> Result<(), Refusal> {
        let Some(path) = &request.run_dir else {
            return Ok(());
        };
        let record = Recorder::start(
            path,
            Durability::of(&request.command, &request.args),
            preparation::masked_request(request, &self.matcher),
            Arc::clone(&self.matcher),
        )
        .map_err(|fault| {
            let why = of_system(&fault);
            Refusal::not_started(format!("no thread for the run directory: {why}"))
        })?;
        let record = Arc::new(record);
        // Before the claim: a hung disk gets the refusal when it responds.
        self.record = Some(Arc::clone(&record));
        let listener = match record.claim() {
            Ok(listener) => listener,
            Err(fault) => {
                if !fault.may_be_claimed_yet() {
                    self.record = None;
                }
                return Err(Refusal::not_started(fault.to_string()));
            }
        };
        self.stop_requests.control_socket =
            listener.and_then(|listener| ControlSocket::new(listener).ok());
        pipeline.record_in(Arc::clone(&record));
        self.event_writer.record_in(record);
        self.event_writer
            .report_record_faults(&mut self.stop_requests.link);
        Ok(())
    }

    fn warn_all(&mut self, warnings: Vec<String>) {
        for warning in warnings {
            self.event_writer
                .warn(&mut self.stop_requests.link, warning);
        }
    }

    /// Prepares the sandbox, if one is requested.
    fn confine(
        &mut self,
        request: &Request,
        environment: &mut Environment,
        program: &Path,
        work_dir: &Path,
    ) -> Result<(), Refusal> {
        let (confinement, warning) = sandbox::prepare(request, environment, program, work_dir)?;
        self.confinement = confinement;
        self.warn_all(warning.into_iter().collect());
        Ok(())
    }

    /// Refuses if the tool does not have the requested version.
    async fn check_version(
        &mut self,
        request: &Request,
        program: &Path,
        work_dir: &Path,
        environment: &Environment,
    ) -> Result<(), Refusal> {
        let Some(wanted) = &request.tool_version else {
            return Ok(());
        };
        let check = version_check::Check {
            request,
            program,
            work_dir,
            environment,
            sandbox: self.confinement.as_ref().map(|it| &it.sandbox),
            stop_requests: &mut self.stop_requests,
            event_writer: &mut self.event_writer,
        };
        match version_check::of_tool(check).await {
            Ok(version) if version == *wanted => Ok(()),
            Ok(version) => Err(Refusal::not_started(format!(
                "`tool_version`: {wanted} is asked for, and `{}` is {version}; install the version \
                 asked for, or ask for this one",
                program.display()
            ))),
            Err(version_check::VersionError::Stopped(reason)) => Err(Refusal::stopped(reason)),
            Err(fault) => Err(Refusal::not_started(format!("`tool_version`: {fault}"))),
        }
    }

    /// Refuses if the runner was asked to stop during the preparation.
    async fn refuse_if_stopped(&mut self, on_disconnect: OnDisconnect) -> Result<(), Refusal> {
        while let Some(stop_request) = self.stop_requests.waiting().await {
            match stop_request {
                StopRequest::Cancel | StopRequest::Signalled(_) | StopRequest::Force => {
                    return Err(Refusal::stopped(StopReason::Cancel));
                }
                StopRequest::Disconnect if on_disconnect == OnDisconnect::Interrupt => {
                    return Err(Refusal::stopped(StopReason::Disconnect));
                }
                StopRequest::Disconnect => self.event_writer.reader_gone(),
                StopRequest::Warn(sentence) => self.warn_all(vec![sentence]),
            }
        }
        Ok(())
    }

    fn announce(&mut self, tool: &ToolGroup, program: &Path, request: &Request, args: &[String]) {
        self.stop_requests.link.post(Message::Started(tool.pid()));
        let argv = std::iter::once(request.tool.program().to_owned())
            .chain(args.iter().map(|arg| self.matcher.mask(arg)))
            .collect();
        let tool_path = masked_path(&self.matcher, program);
        let pid = tool.pid();
        let start_time = self.record.as_ref().and_then(|_| start_time(pid));
        self.event_writer
            .emit_start(&mut self.stop_requests.link, start_time, |seq, at| {
                Event::Started {
                    seq,
                    at,
                    pid,
                    tool_path,
                    argv,
                }
            });
    }

    /// Writes the result of a run.
    fn conclude(&mut self, run: &Run<'_>, pipeline: &OutputPipeline) -> u8 {
        let verdict = result_builder::verdict(run);
        let status = exit_status::of(verdict.outcome);
        let log = self.record.as_ref().and_then(|record| record.output_file());
        let mut frame = result_builder::frame(run, &verdict, log);
        mask_result(&self.matcher, &mut frame);
        frame.output_bytes = pipeline.capture.total_bytes();
        match pipeline.capture.captured() {
            Ok(captured) => {
                frame.output_truncated = captured.is_cut();
                self.deliver(
                    &frame,
                    ResultOutput::Captured(captured),
                    pipeline.tail.as_str(),
                );
            }
            Err(_) => {
                frame.output_complete = false;
                let tail = pipeline.tail.as_str();
                self.deliver(&frame, ResultOutput::Text(tail.to_owned()), tail);
            }
        }
        status
    }

    /// Writes the result of a request that was not run.
    fn refuse(&mut self, refusal: Refusal) -> u8 {
        let sentence = masked_sentence(&self.matcher, &refusal.sentence);
        let mut result = of_no_tool(refusal.outcome, sentence, self.began_at);
        result.stop_reason = refusal.stop_reason;
        self.deliver(&result, ResultOutput::Text(String::new()), "");
        exit_status::of(refusal.outcome)
    }

    /// Delivers the result: first to the record, then to the front.
    fn deliver(&mut self, frame: &RunResult<()>, output: ResultOutput, tail: &str) {
        self.stop_requests.control_socket = None;
        if let Some(record) = &self.record {
            record.stop_listening();
            let written = record.result(frame.clone(), output.clone(), tail.to_owned());
            self.event_writer
                .report_record_faults(&mut self.stop_requests.link);
            if let Err(sentence) = written {
                self.event_writer
                    .warn(&mut self.stop_requests.link, sentence);
            }
        }
        self.event_writer
            .finish(frame, output, tail, exit_status::of(frame.outcome));
    }
}
