//! The stages that have a run: init, validate, plan, apply.

use std::time::Duration;

use tokio::time::Instant;

use crate::process::boot_id;
use crate::protocol::{Outcome, Request, StateReport};
use crate::session::executor::next_step::{Manner, RunCommand, RunStep};
use crate::session::executor::run::follow_run::Followed;
use crate::session::executor::run::result_event::{StageResult, Weight, verdict};
use crate::session::executor::step_context::{StepContext, failed, sentence, without_secrets};
use crate::session::executor::steps::missing_submodules;
use crate::session::machine::event::{Event, Failure, FailureKind};
use crate::session::request::shell_words::WordsError;
use crate::session::storage::session_dir::is_worked_in;

/// How often to check whether a tool without supervisor has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Facts about a successful run.
struct Carried {
    exit_code: i32,
    state: Option<StateReport>,
    /// What confined the tool.
    sandbox: Option<String>,
}

impl StepContext {
    /// Carries out a run and the follow-up work of its stage.
    pub(crate) async fn stage(&self, step: &RunStep) -> Event {
        let (Ok(event) | Err(event)) = match step.command {
            RunCommand::Init | RunCommand::Validate | RunCommand::Plan => {
                self.try_stage(step).await
            }
            RunCommand::Apply => self.with_plan_shown(self.try_stage(step)).await,
        };
        event
    }

    async fn try_stage(&self, step: &RunStep) -> Result<Event, Event> {
        if matches!(step.command, RunCommand::Init | RunCommand::Plan)
            && step.manner == Manner::Start
            && !self.has_fetched
        {
            self.source_is_intact().await?;
        }
        let Carried {
            exit_code,
            state,
            sandbox,
        } = self.run_tool(step).await?;
        match step.command {
            // The following steps would run without the request's secrets.
            RunCommand::Init | RunCommand::Plan if !self.has_secrets => Err(without_secrets()),
            RunCommand::Init => {
                self.select_workspace().await?;
                self.warn_of_local_state();
                Ok(Event::Initialised { sandbox })
            }
            RunCommand::Validate => Ok(Event::Validated),
            RunCommand::Plan => self.planned(exit_code).await,
            RunCommand::Apply if state.is_none() => Err(failed(
                FailureKind::Fault,
                "the tool ended without applying the plan; nothing was applied",
            )),
            RunCommand::Apply => Ok(Event::Applied { state }),
        }
    }

    async fn request_for(&self, command: RunCommand) -> Result<Request, Event> {
        let of_flags = |fault: WordsError| failed(FailureKind::Fault, sentence(&fault));
        match command {
            RunCommand::Init => {
                self.take_over_backend()?;
                self.make_data_dir()?;
                let of_repository = self.access_to_repository()?;
                self.command(|it| it.init(of_repository))
                    .await?
                    .map_err(of_flags)
            }
            RunCommand::Validate => self.command(|it| it.validate()).await,
            RunCommand::Plan => {
                self.note_workspace()?;
                self.make_plan_file()?;
                self.note_tool();
                let files = self.tfvars_files()?;
                self.command(|it| it.plan(&files)).await?.map_err(of_flags)
            }
            RunCommand::Apply => {
                let binding = self.binding.as_ref();
                let version = binding
                    .ok_or_else(|| failed(FailureKind::Internal, "there is no plan to apply"))?
                    .tool_version
                    .clone();
                let is_again = version
                    .as_ref()
                    .is_some_and(|version| self.needs_variables_again(version));
                let again = if is_again {
                    Some(self.tfvars_files()?)
                } else {
                    None
                };
                let wanted = version.filter(|_| !self.is_known_to_be_of_the_version());
                self.command(|it| it.apply(wanted, again.as_deref()))
                    .await?
                    .map_err(of_flags)
            }
        }
    }

    /// Carries out a run; returns its facts if it succeeded, else the event.
    async fn run_tool(&self, step: &RunStep) -> Result<Carried, Event> {
        let begin = match step.manner {
            Manner::Start => Some(self.request_for(step.command).await?),
            // The process that began it has already passed the request.
            Manner::TakeUp => None,
        };
        let weight = match step.command {
            RunCommand::Init | RunCommand::Validate | RunCommand::Plan => Weight::Repeatable,
            RunCommand::Apply => Weight::Once,
        };
        let is_repeatable = weight == Weight::Repeatable && step.next.is_some();
        if begin.is_none() && is_repeatable && self.is_of_former_boot() {
            // The result is on disk, but the files that the run wrote may not be.
            return Err(self.again(step));
        }
        match self.follow_run(begin, &step.run).await {
            Followed::Ended(result) => match verdict(&result, weight, step.next.is_some()) {
                StageResult::Done { state } => Ok(Carried {
                    exit_code: result.exit_code,
                    state,
                    sandbox: result.sandbox,
                }),
                StageResult::Again if result.outcome == Outcome::Unknown => {
                    self.tool_left_alone_is_gone(step.command).await?;
                    Err(self.again(step))
                }
                StageResult::Again => Err(self.again(step)),
                StageResult::Failed(failure) => Err(Event::Failed(Box::new(
                    self.with_hint(failure, step.command),
                ))),
                StageResult::Stopped { end, error, state } => {
                    Err(Event::Stopped { end, error, state })
                }
            },
            // If the run directory is missing, it may have been lost before it reached the disk.
            Followed::NeverBegun if weight == Weight::Once && self.run_boot != boot_id() => {
                let error = "the machine was started anew since the apply was announced, and nothing tells whether \
                             it had begun: look at the state before you deploy again";
                Err(failed(FailureKind::Lost, error))
            }
            Followed::NeverBegun => Err(self.again(step)),
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

    /// Adds a hint to a failure that missing submodules may explain.
    fn with_hint(&self, mut failure: Failure, command: RunCommand) -> Failure {
        let Ok(checkout) = self.checkout() else {
            return failure;
        };
        let may_lack_files = match command {
            RunCommand::Init | RunCommand::Validate | RunCommand::Plan => {
                missing_submodules::may_explain(&failure)
            }
            RunCommand::Apply => false,
        };
        if may_lack_files && missing_submodules::are_in(&self.request.source, &checkout.root) {
            failure.error.push_str(missing_submodules::HINT);
        }
        failure
    }

    /// Returns whether the run was announced before the last boot of the machine.
    fn is_of_former_boot(&self) -> bool {
        let now = boot_id();
        self.run_boot.is_some() && now.is_some() && self.run_boot != now
    }

    /// Begins an interrupted run again, if that is allowed.
    fn again(&self, step: &RunStep) -> Event {
        let Some(next) = &step.next else {
            return interrupted(step.command);
        };
        self.log(&format!(
            "[`{}` was cut off with the process that had started it; it is run again]",
            step.command.word()
        ));
        Event::run_started(next.clone())
    }

    /// Waits until the tool of a lost supervisor has ended: two tools would write the same files.
    async fn tool_left_alone_is_gone(&self, command: RunCommand) -> Result<(), Event> {
        let began = Instant::now();
        let mut has_said = false;
        let cut_off = |error: String| failed(FailureKind::Interrupted, error);
        let word = command.word();
        loop {
            match is_worked_in(self.session_dir.dir()) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(fault) => {
                    let error = format!(
                        "it is unknown whether the interrupted `{word}` is still running: {fault}"
                    );
                    return Err(cut_off(error));
                }
            }
            if began.elapsed() >= self.request.timeout() || self.stop.borrow().is_some() {
                let error = format!(
                    "the supervisor of `{word}` was lost, and what it had started is still at work in `{}`: \
                     start a new deployment once it has ended",
                    self.session_dir.dir().display()
                );
                return Err(cut_off(error));
            }
            if !has_said {
                has_said = true;
                self.log(&format!(
                    "[the `{word}` that was cut off is still at work; it is waited for]"
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn interrupted(command: RunCommand) -> Event {
    let error = match command {
        RunCommand::Init | RunCommand::Validate | RunCommand::Plan => format!(
            "`{}` was cut off with the process that had started it, and could not be run again",
            command.word()
        ),
        RunCommand::Apply => {
            "the process that held the deployment ended just before the apply began; nothing was applied: \
             start a new deployment"
                .to_owned()
        }
    };
    failed(FailureKind::Interrupted, error)
}
