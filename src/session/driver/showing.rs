//! What the tool shows as JSON: the plan and the outputs.

use std::io;
use std::time::Duration;

use super::job::{Job, failed, sentence};
use super::printed::{has_lost_names, json_in};
use crate::plan::PlanSummary;
use crate::protocol::RunResult;
use crate::session::event::{Changes, Event, FailureKind, Planned};
use crate::session::place::{write_aside, write_whole};
use crate::session::verdict::{Verdict, Weight, verdict};
use crate::session::{Operation, Outputs};

/// Longest time that a plan waits for somebody, so that its end is a date that everybody can write.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Job {
    /// The plan as a person can approve it, and what an approval of it is bound to.
    pub(super) async fn planned(&self) -> Result<Event, Event> {
        self.workspace_is_the_same()?;
        let request = self.command(|it| it.show()).await?;
        let shown_by = self.tool_file().ok().flatten();
        // One waits for the tool, the other for the disk.
        let (shown, configuration) = tokio::join!(self.read(request), self.configuration());
        let shown = shown.map_err(|fault| failed(FailureKind::Fault, sentence(&fault)))?;
        self.succeeded(&shown)?;
        let summary = summary_of(&shown)?;
        let text = serde_json::to_vec(&summary).map_err(|fault| unreadable(&fault))?;
        write_aside(&self.place.plan_summary(), &text).map_err(|fault| unreadable(&fault))?;
        let version = summary.tool_version.clone().ok_or_else(|| {
            let error = "the plan does not say which version of the tool made it";
            failed(FailureKind::Fault, error)
        })?;
        let binding = self.measure(version, configuration?).await?;
        if let Some(tool) = shown_by {
            // A session makes one plan in a process.
            let _ = self.shown_by.set(tool);
        }
        if binding.plan_file.is_none() || binding.tool.is_none() {
            let error = "the plan, or the program that made it, is gone";
            return Err(failed(FailureKind::Fault, error));
        }
        let digest = binding.digest();
        let changes = self.changes_in(&summary);
        let warnings = self.warnings_about(changes);
        self.published.publish_plan(summary);
        let deadline = chrono::Utc::now() + self.settings.approval_deadline.min(LONGEST_WAIT);
        Ok(Event::Planned(Box::new(Planned {
            changes,
            digest,
            binding,
            deadline,
            warnings,
        })))
    }

    /// What a person should know about a plan that was asked to destroy and finds nothing.
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

    /// Whether there is anything to do or, for a look for drift, to tell.
    fn changes_in(&self, summary: &PlanSummary) -> Changes {
        let has_none = match self.request.operation {
            // Another value of an output comes from another configuration as well.
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

    pub(super) fn succeeded(&self, result: &RunResult) -> Result<(), Event> {
        match verdict(result, Weight::Repeatable, false) {
            Verdict::Done { .. } => Ok(()),
            Verdict::Failed(failure) => Err(Event::Failed(Box::new(failure))),
            Verdict::Stopped { end, error, state } => Err(Event::Stopped { end, error, state }),
            Verdict::Again => Err(failed(FailureKind::Lost, result.error_msg.clone())),
        }
    }

    /// Reads the outputs. That they cannot be read changes nothing of what was done.
    pub(super) async fn read_outputs(&self) -> Event {
        let result = if !self.has_secrets {
            // The tool would read with what this process has: another account, another workspace.
            Err("the values that the request kept secret are missing".to_owned())
        } else {
            match self.command(|it| it.output()).await {
                Ok(request) => self.read(request).await.map_err(|it| sentence(&it)),
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
}

/// The summary of a plan that was shown.
fn summary_of(shown: &RunResult) -> Result<PlanSummary, Event> {
    let refused = |error: &str| Err(failed(FailureKind::Fault, error));
    if shown.output_truncated {
        return refused("the plan is too large to be shown, so nobody can approve it");
    }
    let document = json_in(&shown.output);
    if has_lost_names(&document) {
        return refused(
            "two names in a value of the plan hold a secret of the request and look the same when it is masked, so \
             nobody can tell what the plan does: give the secret another value, or the names other words",
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
