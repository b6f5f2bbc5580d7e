//! Reads the plan and the outputs, which the tool shows as JSON.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::masked_json::{has_lost_names, json_in};
use crate::plan::PlanSummary;
use crate::protocol::RunResult;
use crate::session::executor::run::result_event::{StageResult, Weight, verdict};
use crate::session::executor::step_context::{StepContext, failed, sentence};
use crate::session::executor::steps::ephemeral;
use crate::session::machine::event::{Changes, Event, FailureKind, Planned};
use crate::session::storage::session_dir::{write_aside, write_whole};
use crate::session::{Operation, Outputs};

/// Longest time that a plan waits for a decision; bounded so that the deadline is a valid date.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Exit code of `plan -detailed-exitcode` for a plan with changes.
const HAS_CHANGES: i32 = 2;
/// How long `show` may take after the apply has ended.
const SHOWN_AFTER_APPLY: Duration = Duration::from_secs(30);

impl StepContext {
    /// Measures what an approval of the plan is bound to, and reads the plan as JSON for the approver.
    ///
    /// A plan that needs no approver is read while it is applied, see [`StepContext::with_plan_shown`].
    pub(crate) async fn planned(&self, exit_code: i32) -> Result<Event, Event> {
        self.workspace_is_the_same()?;
        self.session_dir.replace_plan_file().map_err(|fault| {
            let error = format!("the plan cannot be copied: {fault}");
            failed(FailureKind::Fault, error)
        })?;
        let (summary, configuration) = if self.may_be_shown_later(exit_code) {
            (None, self.configuration().await?)
        } else {
            let shown_by = self.tool_file().ok().flatten();
            // One waits for the tool, the other for the disk.
            let (shown, configuration) = tokio::join!(self.show_plan(), self.configuration());
            if let Some(tool) = shown_by {
                // A session makes at most one plan per process.
                let _ = self.planned_by.set(tool);
            }
            (Some(shown?), configuration?)
        };
        let of_shown = |summary: &PlanSummary| {
            summary.tool_version.clone().ok_or_else(|| {
                let error = "the plan does not say which version of the tool made it";
                failed(FailureKind::Fault, error)
            })
        };
        let version = summary.as_ref().map(of_shown).transpose()?;
        let binding = self.measure(version, configuration).await?;
        if binding.plan_file.is_none() || binding.tool.is_none() {
            let error = "the plan, or the program that made it, is gone";
            return Err(failed(FailureKind::Fault, error));
        }
        let digest = binding.digest();
        let changes = summary
            .as_ref()
            .map_or(Changes::Some, |summary| self.changes_in(summary));
        let warnings = self.warnings_about(changes);
        if let Some(summary) = summary {
            self.published.publish_plan(summary);
        }
        let deadline = chrono::Utc::now() + self.settings.approval_deadline.min(LONGEST_WAIT);
        Ok(Event::Planned(Box::new(Planned {
            changes,
            digest,
            binding,
            deadline,
            warnings,
        })))
    }

    /// Returns whether only the record needs the plan as JSON: the request approves it, it has changes, the tool's file
    /// is the one that made it, and the apply needs no ephemeral variables, for which it needs the version.
    fn may_be_shown_later(&self, exit_code: i32) -> bool {
        let now = self.tool_file().ok().flatten();
        self.request.applies_by_itself()
            && exit_code == HAS_CHANGES
            && now.is_some()
            && now.as_ref() == self.planned_by.get()
            && self
                .work_dir()
                .is_ok_and(|work_dir| !ephemeral::may_be_in(work_dir))
    }

    /// Records which program makes the plan.
    pub(crate) fn note_tool(&self) {
        if let Ok(Some(tool)) = self.tool_file() {
            let _ = self.planned_by.set(tool);
        }
    }

    /// Awaits the apply, and meanwhile reads the plan as JSON unless it was read before.
    pub(crate) async fn with_plan_shown<T>(&self, work: impl Future<Output = T>) -> T {
        let (done, fault) = self.with_plan_attempted(work).await;
        if let Some(fault) = fault {
            self.log(&format!("[{fault}]"));
        }
        done
    }

    /// Does the same as [`StepContext::with_plan_shown`], but returns why the plan was not read.
    async fn with_plan_attempted<T>(&self, work: impl Future<Output = T>) -> (T, Option<String>) {
        let is_shown = self.published.plan.borrow().is_some();
        // Without the secrets of the request, the plan could not be masked.
        if is_shown || !self.has_secrets || !self.request.applies_by_itself() {
            return (work.await, None);
        }
        let (mut work, mut show) = (pin!(work), pin!(self.show_plan_late()));
        let done = tokio::select! {
            done = &mut work => done,
            fault = &mut show => return (work.await, fault),
        };
        match timeout(SHOWN_AFTER_APPLY, show).await {
            Ok(fault) => (done, fault),
            Err(_) => {
                let seconds = SHOWN_AFTER_APPLY.as_secs();
                let fault =
                    format!("the plan could not be shown within {seconds} s after it was applied");
                (done, Some(fault))
            }
        }
    }

    async fn show_plan_late(&self) -> Option<String> {
        match self.show_plan().await {
            Ok(summary) => {
                self.published.publish_plan(summary);
                None
            }
            Err(Event::Failed(failure)) => Some(format!(
                "the plan could not be shown while it was applied: {}",
                failure.error
            )),
            // It was stopped together with the apply.
            Err(_) => None,
        }
    }

    /// Reads the plan as JSON and stores its summary in the session directory.
    async fn show_plan(&self) -> Result<PlanSummary, Event> {
        let request = self.command(|it| it.show()).await?;
        let shown = self.read(request).await;
        let shown = shown.map_err(|fault| failed(FailureKind::Fault, sentence(&fault)))?;
        self.succeeded(&shown)?;
        let summary = summary_of(&shown)?;
        let text = serde_json::to_vec(&summary).map_err(|fault| unreadable(&fault))?;
        write_aside(&self.session_dir.plan_summary(), &text).map_err(|fault| unreadable(&fault))?;
        Ok(summary)
    }

    /// Returns warnings about a destroy plan that found nothing to destroy.
    fn warnings_about(&self, changes: Changes) -> Vec<String> {
        match (self.request.operation, changes) {
            (Operation::Destroy, Changes::None) => vec![self.nothing_to_destroy()],
            (
                Operation::Deploy
                | Operation::Destroy
                | Operation::Plan
                | Operation::Drift
                | Operation::Validate,
                Changes::Some | Changes::None,
            ) => Vec::new(),
        }
    }

    /// Returns whether the plan has changes or, for a drift check, whether it found drift.
    fn changes_in(&self, summary: &PlanSummary) -> Changes {
        let has_none = match self.request.operation {
            // A changed output value may also come from a changed configuration.
            Operation::Drift => summary.drift.is_empty(),
            Operation::Deploy | Operation::Destroy | Operation::Plan | Operation::Validate => {
                summary.no_changes()
            }
        };
        if has_none {
            Changes::None
        } else {
            Changes::Some
        }
    }

    pub(crate) fn succeeded(&self, result: &RunResult) -> Result<(), Event> {
        match verdict(result, Weight::Repeatable, false) {
            StageResult::Done { .. } => Ok(()),
            StageResult::Failed(failure) => Err(Event::Failed(Box::new(failure))),
            StageResult::Stopped { end, error, state } => Err(Event::Stopped { end, error, state }),
            StageResult::Again => Err(failed(FailureKind::Lost, result.error_msg.clone())),
        }
    }

    /// Reads the outputs, and the plan if it could not be read during the apply. A failure changes nothing of what
    /// was applied, and is a warning.
    pub(crate) async fn read_outputs(&self) -> Event {
        let (of_outputs, of_plan) = self.with_plan_attempted(self.try_outputs()).await;
        Event::OutputsRead {
            warnings: of_plan.into_iter().chain(of_outputs).collect(),
        }
    }

    /// Reads and publishes the outputs; returns why that failed.
    async fn try_outputs(&self) -> Option<String> {
        let result = if !self.has_secrets {
            // The tool would use this process's credentials and settings: another account, another workspace.
            Err("the values that the request kept secret are missing".to_owned())
        } else {
            match self.command(|it| it.output()).await {
                Ok(request) => self.read(request).await.map_err(|it| sentence(&it)),
                Err(Event::Failed(failure)) => Err(failure.error),
                Err(_) => Err("the environment of the deployment is missing".to_owned()),
            }
        };
        let read = result.and_then(|result| {
            if result.success {
                Outputs::from_json(&json_in(&result.output)).map_err(|fault| fault.to_string())
            } else {
                Err(result.error_msg)
            }
        });
        match read {
            Ok(outputs) => {
                let kept = serde_json::to_vec(&outputs)
                    .map_err(io::Error::from)
                    .and_then(|text| write_whole(&self.session_dir.outputs(), &text));
                if let Err(fault) = kept {
                    self.log(&format!("[the outputs could not be written down: {fault}]"));
                }
                self.published.publish_outputs(outputs);
                None
            }
            Err(fault) => Some(format!("the outputs could not be read: {fault}")),
        }
    }
}

/// Parses the summary of a plan from the result of `show`.
fn summary_of(shown: &RunResult) -> Result<PlanSummary, Event> {
    let refused = |error: &str| Err(failed(FailureKind::Fault, error));
    if shown.output_truncated {
        return refused("the plan is too large to be shown, so it cannot be approved");
    }
    let document = json_in(&shown.output);
    if has_lost_names(&document) {
        return refused(
            "two names in a value of the plan hold a secret of the request and look the same when it is masked, so \
             the plan cannot be judged: give the secret another value, or the names other words",
        );
    }
    let summary =
        PlanSummary::from_json(document.as_bytes()).map_err(|fault| unreadable(&fault))?;
    if summary.errored {
        return refused("the tool failed while it planned");
    }
    Ok(summary)
}

fn unreadable(fault: &dyn std::error::Error) -> Event {
    let error = format!("the plan cannot be read: {}", sentence(fault));
    failed(FailureKind::Fault, error)
}
