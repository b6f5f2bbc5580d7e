//! The stages that have a run: init, validate, plan, apply.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::following::Followed;
use super::job::{Job, failed, sentence, without_secrets};
use super::printed::{has_masked_name, json_in};
use super::step::{Manner, RunCommand, RunStep};
use crate::plan::PlanSummary;
use crate::protocol::{Outcome, Request, RunResult, StateReport};
use crate::session::Operation;
use crate::session::boot;
use crate::session::event::{Changes, Event, FailureKind, Planned};
use crate::session::place::{has_processes_within, write_aside, write_whole};
use crate::session::request::Source;
use crate::session::retention::local_backends;
use crate::session::verdict::{Verdict, Weight, verdict};
use crate::session::words::WordsError;

/// Longest time that a plan waits for somebody, so that its end is a date that everybody can write.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The name of the file in which the tool notes the backend, in its data directory.
const BACKEND_RECORD: &str = "terraform.tfstate";
/// How often a tool that was left alone is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Job {
    /// Carries a run to its end, and does what belongs to its stage after it.
    pub(super) async fn stage(&self, step: &RunStep) -> Event {
        match self.try_stage(step).await {
            Ok(event) | Err(event) => event,
        }
    }

    async fn try_stage(&self, step: &RunStep) -> Result<Event, Event> {
        if matches!(step.command, RunCommand::Init | RunCommand::Plan)
            && step.manner == Manner::Start
        {
            self.source_is_intact().await?;
        }
        let state = self.carry(step).await?;
        match step.command {
            // What follows would run without what the request kept secret.
            RunCommand::Init | RunCommand::Plan if !self.has_secrets => Err(without_secrets()),
            RunCommand::Init => {
                self.select_workspace().await?;
                self.warn_of_local_state();
                Ok(Event::Initialised)
            }
            RunCommand::Validate => Ok(Event::Validated),
            RunCommand::Plan => self.planned().await,
            RunCommand::Apply => Ok(Event::Applied { state }),
        }
    }

    async fn request_for(&self, command: RunCommand) -> Result<Request, Event> {
        let of_flags = |fault: WordsError| failed(FailureKind::Fault, sentence(&fault));
        match command {
            RunCommand::Init => {
                self.take_over_backend()
                    .map_err(|fault| backend_record(&fault))?;
                self.command(|it| it.init()).await?.map_err(of_flags)
            }
            RunCommand::Validate => self.command(|it| it.validate()).await,
            RunCommand::Plan => {
                let files = self.tfvars_files()?;
                self.command(|it| it.plan(&files)).await?.map_err(of_flags)
            }
            RunCommand::Apply => {
                let version = self.binding.as_ref().map(|it| it.tool_version.clone());
                let version = version
                    .ok_or_else(|| failed(FailureKind::Internal, "there is no plan to apply"))?;
                self.command(|it| it.apply(&version)).await
            }
        }
    }

    /// Carries a run to its end; what it says of the state if it did what it is there for, else the event.
    async fn carry(&self, step: &RunStep) -> Result<Option<StateReport>, Event> {
        let begin = match step.manner {
            Manner::Start => Some(self.request_for(step.command).await?),
            // Whoever began it has said what it is to do.
            Manner::TakeUp => None,
        };
        let weight = match step.command {
            RunCommand::Init | RunCommand::Validate | RunCommand::Plan => Weight::Repeatable,
            RunCommand::Apply => Weight::Once,
        };
        let again = |next: &String| {
            self.say(&format!(
                "[`{}` was cut off with the process that had started it; it is run again]",
                step.command.word()
            ));
            Event::run_started(next.clone())
        };
        match self.follow_run(begin, &step.run).await {
            Followed::Ended(result) => match verdict(&result, weight, step.next.is_some()) {
                Verdict::Done { state } => Ok(state),
                Verdict::Again if result.outcome == Outcome::Unknown => {
                    self.tool_left_alone_is_gone(step.command).await?;
                    Err(step
                        .next
                        .as_ref()
                        .map_or_else(|| interrupted(step.command), again))
                }
                Verdict::Again => Err(step
                    .next
                    .as_ref()
                    .map_or_else(|| interrupted(step.command), again)),
                Verdict::Failed(failure) => Err(Event::Failed(Box::new(failure))),
                Verdict::Stopped { end, error, state } => Err(Event::Stopped { end, error, state }),
            },
            // A run directory that is not there may have gone with what was not on disk yet.
            Followed::NeverBegun if weight == Weight::Once && self.run_boot != boot::id() => {
                let error = "the machine was started anew since the apply was announced, and nothing tells whether \
                             it had begun: look at the state before you deploy again";
                Err(failed(FailureKind::Lost, error))
            }
            Followed::NeverBegun => Err(step
                .next
                .as_ref()
                .map_or_else(|| interrupted(step.command), again)),
            Followed::NotStarted(error) => {
                let error = match weight {
                    Weight::Once => format!("{error}; nothing was applied"),
                    Weight::Repeatable => error,
                };
                Err(failed(FailureKind::Fault, error))
            }
            Followed::Lost(error) => Err(failed(FailureKind::Lost, error)),
        }
    }

    /// Waits until the tool of a lost supervisor has ended: two of them would write the same files.
    async fn tool_left_alone_is_gone(&self, command: RunCommand) -> Result<(), Event> {
        let work_dir = self.work_dir()?;
        let began = Instant::now();
        let mut has_said = false;
        let lost = |error: String| failed(FailureKind::Lost, error);
        let word = command.word();
        loop {
            match has_processes_within(work_dir) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(fault) => {
                    let error = format!(
                        "nobody can tell whether the `{word}` that was cut off is still at work: {fault}"
                    );
                    return Err(lost(error));
                }
            }
            if began.elapsed() >= self.request.timeout() || self.stop.borrow().is_some() {
                let error = format!(
                    "the supervisor of `{word}` was lost, and what it had started is still at work in `{}`",
                    work_dir.display()
                );
                return Err(lost(error));
            }
            if !has_said {
                has_said = true;
                self.say(&format!(
                    "[the `{word}` that was cut off is still at work; it is waited for]"
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Begins with what the tool has noted of the backend in a directory that others use too.
    ///
    /// Without it, the tool takes state that is there for that of another backend, and asks whether to move it.
    fn take_over_backend(&self) -> io::Result<()> {
        let Some(shared) = self.shared_backend_record() else {
            return Ok(());
        };
        let own = self.place.data_dir().join(BACKEND_RECORD);
        if own.exists() || !shared.exists() {
            return Ok(());
        }
        fs::create_dir_all(self.place.data_dir())?;
        write_aside(&own, &fs::read(shared)?)
    }

    /// Leaves the note there for whoever comes next. The choice of a workspace is in another file.
    fn leave_backend(&self) -> io::Result<()> {
        let own = self.place.data_dir().join(BACKEND_RECORD);
        let (Some(shared), true) = (self.shared_backend_record(), own.exists()) else {
            return Ok(());
        };
        let record = fs::read(own)?;
        if fs::read(&shared).is_ok_and(|there| there == record) {
            return Ok(());
        }
        let session = self.place.dir().file_name().unwrap_or_default();
        let aside = shared.with_file_name(session);
        shared.parent().map_or(Ok(()), fs::create_dir_all)?;
        write_aside(&aside, &record)?;
        fs::rename(aside, shared)
    }

    /// Where the tool notes the backend for whoever works in the directory without a session; none if the
    /// source is this session's own.
    fn shared_backend_record(&self) -> Option<PathBuf> {
        match &self.request.source {
            Source::Directory(_) if self.request.operation != Operation::Validate => {
                let work_dir = self.work_dir().ok()?;
                Some(work_dir.join(".terraform").join(BACKEND_RECORD))
            }
            Source::Directory(_) | Source::Git(_) | Source::Files(_) => None,
        }
    }

    /// Chooses the workspace; a deployment makes it if it is not there. Done twice, it is the same.
    async fn select_workspace(&self) -> Result<(), Event> {
        self.leave_backend()
            .map_err(|fault| backend_record(&fault))?;
        let Some(request) = self.command(|it| it.workspace()).await? else {
            return Ok(());
        };
        let result = self.read(request).await;
        let result = result.map_err(|fault| failed(FailureKind::Fault, sentence(&fault)))?;
        let lines: Vec<_> = result.output.lines().map(str::to_owned).collect();
        self.log.add(self.phase, None, &lines);
        self.succeeded(&result).map_err(|event| match event {
            // The tools advise a flag that nobody can give here.
            Event::Failed(mut failure) if result.output.contains("doesn't exist") => {
                let workspace = self.request.workspace.as_deref().unwrap_or_default();
                failure.error = format!(
                    "the workspace `{workspace}` does not exist, and only the operation `deploy` makes one"
                );
                Event::Failed(failure)
            }
            event => event,
        })
    }

    /// The plan as a person can approve it, and what an approval of it is bound to.
    async fn planned(&self) -> Result<Event, Event> {
        if self.run_boot != boot::id() {
            self.source_is_intact().await?;
        }
        let request = self.command(|it| it.show()).await?;
        let shown = self.read(request).await;
        let shown = shown.map_err(|fault| failed(FailureKind::Fault, sentence(&fault)))?;
        self.succeeded(&shown)?;
        if shown.output_truncated {
            let error = "the plan is too large to be shown, so nobody can approve it";
            return Err(failed(FailureKind::Fault, error));
        }
        let of_plan = |fault: &dyn std::error::Error| {
            let error = format!("the plan cannot be read: {}", sentence(fault));
            failed(FailureKind::Fault, error)
        };
        let document = json_in(&shown.output);
        if has_masked_name(&document) {
            let error = "a secret of the request is also a name in the plan, which is masked there, so nobody can \
                         tell what the plan does: give the secret another value, or the name another word";
            return Err(failed(FailureKind::Fault, error));
        }
        let summary =
            PlanSummary::from_json(document.as_bytes()).map_err(|fault| of_plan(&fault))?;
        if summary.errored {
            return Err(failed(
                FailureKind::Fault,
                "the tool failed while it planned",
            ));
        }
        let text = serde_json::to_vec(&summary).map_err(|fault| of_plan(&fault))?;
        write_aside(&self.place.plan_summary(), &text).map_err(|fault| of_plan(&fault))?;
        let version = summary.tool_version.clone();
        let version = version.ok_or_else(|| {
            let error = "the plan does not say which version of the tool made it";
            failed(FailureKind::Fault, error)
        })?;
        let binding = self.measure(version).await?;
        if binding.plan_file.is_none() || binding.tool.is_none() {
            let error = "the plan, or the program that made it, is gone";
            return Err(failed(FailureKind::Fault, error));
        }
        let digest = binding.digest();
        let finds_nothing = match self.request.operation {
            // What the configuration alone has new, such as an output, is no drift.
            Operation::Drift => summary.drift.is_empty(),
            Operation::Deploy | Operation::Plan | Operation::Destroy | Operation::Validate => {
                summary.no_changes()
            }
        };
        let changes = if finds_nothing {
            Changes::None
        } else {
            Changes::Some
        };
        self.published.publish_plan(summary);
        let deadline = chrono::Utc::now() + self.settings.approval_deadline.min(LONGEST_WAIT);
        Ok(Event::Planned(Box::new(Planned {
            changes,
            digest,
            binding,
            deadline,
        })))
    }

    fn succeeded(&self, result: &RunResult) -> Result<(), Event> {
        match verdict(result, Weight::Repeatable, false) {
            Verdict::Done { .. } => Ok(()),
            Verdict::Failed(failure) => Err(Event::Failed(Box::new(failure))),
            Verdict::Stopped { end, error, state } => Err(Event::Stopped { end, error, state }),
            Verdict::Again => Err(failed(FailureKind::Lost, result.error_msg.clone())),
        }
    }

    /// Reads the outputs. That they cannot be read changes nothing of what was done.
    pub(super) async fn read_outputs(&self) -> Event {
        let result = match self.command(|it| it.output()).await {
            Ok(request) => self.read(request).await.map_err(|fault| sentence(&fault)),
            Err(_) => Err("the session's environment is not there".to_owned()),
        };
        let read = result.and_then(|result| match result.outcome {
            Outcome::Succeeded => {
                let outputs = crate::session::Outputs::from_json(&json_in(&result.output));
                outputs.map_err(|fault| fault.to_string())
            }
            Outcome::Failed
            | Outcome::TimedOut
            | Outcome::Cancelled
            | Outcome::Killed
            | Outcome::NotStarted
            | Outcome::InvalidRequest
            | Outcome::Unknown => Err(result.error_msg),
        });
        match read {
            Ok(outputs) => {
                let kept = serde_json::to_vec(&outputs)
                    .map_err(std::io::Error::from)
                    .and_then(|text| write_whole(&self.place.outputs(), &text));
                if let Err(fault) = kept {
                    self.say(&format!("[the outputs could not be written down: {fault}]"));
                }
                self.published.publish_outputs(outputs);
            }
            Err(fault) => self.say(&format!("[the outputs could not be read: {fault}]")),
        }
        Event::OutputsRead
    }

    /// State in a file of the session's own directory goes with the session: whoever deploys that way
    /// should know.
    fn warn_of_local_state(&self) {
        let Ok(work_dir) = self.work_dir() else {
            return;
        };
        let has_backend = self.place.data_dir().join(BACKEND_RECORD).exists();
        let local = local_backends(&self.place, work_dir).unwrap_or_default();
        let keeps_here = local.iter().any(|it| it.is_within(self.place.dir()));
        let is_own = !matches!(self.request.source, Source::Directory(_));
        let writes = matches!(
            self.request.operation,
            Operation::Deploy | Operation::Destroy
        );
        if !has_backend && is_own && writes {
            self.say(
                "[this configuration has no backend: its state is a file of this deployment alone, \
                 and no other deployment will know what it made]",
            );
        } else if keeps_here && writes {
            self.say(
                "[the backend of this configuration keeps its state in a file of this deployment alone, \
                 and no other deployment will know what it made]",
            );
        }
    }
}

fn backend_record(fault: &io::Error) -> Event {
    let error = format!("what the tool noted of the backend cannot be copied: {fault}");
    failed(FailureKind::Fault, error)
}

fn interrupted(command: RunCommand) -> Event {
    let error = match command {
        RunCommand::Init | RunCommand::Validate | RunCommand::Plan => format!(
            "`{}` was cut off with the process that had started it, and could not be run again",
            command.word()
        ),
        RunCommand::Apply => {
            "the process that held the session ended just before the apply began; nothing was applied: \
             start a new deployment"
                .to_owned()
        }
    };
    failed(FailureKind::Interrupted, error)
}
