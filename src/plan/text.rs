//! Formats the summary for a person.

use std::fmt;

use super::excerpt::one_line;
use super::{
    Action, ActionReason, AttributeChange, Counts, OutputChange, PlanSummary, ResourceChange,
};

impl fmt::Display for PlanSummary {
    /// Writes the drift, then a line for each resource with its changes below it, then the counts and the outputs.
    /// Every line ends with a line break; none contains a control character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.errored {
            writeln!(f, "Planning failed; this is what was planned by then.\n")?;
        }
        if !self.drift.is_empty() {
            writeln!(f, "Changed outside since the last apply:")?;
            self.drift.iter().try_for_each(|r| write!(f, "{r}"))?;
            writeln!(f)?;
        }
        if self.no_changes() {
            writeln!(f, "No changes.")?;
        } else {
            self.resources.iter().try_for_each(|r| write!(f, "{r}"))?;
            for invocation in &self.invocations {
                writeln!(f, "  ! {} (invoked)", one_line(&invocation.address))?;
            }
            write!(f, "{}", self.counts)?;
            match self.invocations.len() {
                0 => writeln!(f)?,
                count => writeln!(f, " {count} to invoke.")?,
            }
        }
        if !self.deferred.is_empty() {
            writeln!(f, "\nLeft to a later plan:")?;
            for deferred in &self.deferred {
                let reason = deferred.reason.as_deref().unwrap_or("no reason given");
                let (address, reason) = (one_line(&deferred.address), one_line(reason));
                writeln!(f, "    {address} ({reason})")?;
            }
        }
        if !self.outputs.is_empty() {
            writeln!(f, "\nOutputs:")?;
            self.outputs.iter().try_for_each(|o| write!(f, "{o}"))?;
        }
        if self.complete == Some(false) {
            writeln!(f, "\nNot complete: another plan is needed after this one.")?;
        }
        Ok(())
    }
}

impl fmt::Display for Counts {
    /// Writes the tool's own `Plan:` line, then the counts that it leaves out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plan: ")?;
        if self.import > 0 {
            write!(f, "{} to import, ", self.import)?;
        }
        write!(
            f,
            "{} to add, {} to change, {} to destroy.",
            self.add, self.change, self.destroy
        )?;
        let more = [
            (self.replace, "to replace, counted as added and destroyed"),
            (self.forget, "to forget"),
            (self.read, "to read"),
            (self.other, "with an unknown action"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, " {count} {what}.")?;
        }
        Ok(())
    }
}

impl fmt::Display for ResourceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (&self.action, &self.import_id, &self.moved_from) {
            (Action::NoOp, Some(_), _) => "=>",
            (Action::NoOp, None, Some(_)) => ">",
            (action, _, _) => action.sign(),
        };
        write!(f, "{sign:>3} {}", one_line(&self.address))?;
        let notes = self.notes();
        if !notes.is_empty() {
            write!(f, " ({})", notes.join("; "))?;
        }
        writeln!(f)?;
        for attribute in &self.attributes {
            writeln!(f, "      {attribute}")?;
        }
        left_out(f, self.attributes_left_out)
    }
}

impl ResourceChange {
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.action {
            Action::Forget => notes.push("forget: leaves the state, is not destroyed".to_owned()),
            Action::CreateThenForget => {
                notes.push("its predecessor leaves the state, is not destroyed".to_owned());
            }
            Action::Other(words) => notes.push(format!("unknown action {}", one_line(words))),
            Action::NoOp
            | Action::Create
            | Action::Read
            | Action::Update
            | Action::DeleteThenCreate
            | Action::CreateThenDelete
            | Action::Delete => {}
        }
        notes.extend(self.reason.as_ref().map(ActionReason::words).map(one_line));
        if let Some(id) = &self.import_id {
            notes.push(if id.is_empty() {
                "import".to_owned()
            } else {
                format!("import {}", one_line(id))
            });
        }
        if let Some(from) = &self.moved_from {
            notes.push(format!("moved from {}", one_line(from)));
        }
        if let Some(key) = &self.deposed {
            notes.push(format!("deposed object {}", one_line(key)));
        }
        notes
    }
}

impl fmt::Display for OutputChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>3} {}", self.action.sign(), one_line(&self.name))?;
        match self.values.as_slice() {
            [whole] if whole.path.is_empty() && self.values_left_out == 0 => writeln!(f, "{whole}"),
            values => {
                writeln!(f)?;
                for value in values {
                    writeln!(f, "      {value}")?;
                }
                left_out(f, self.values_left_out)
            }
        }
    }
}

impl fmt::Display for AttributeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.path))?;
        match (&self.before, &self.after) {
            (None, None) => {}
            (None, Some(after)) => write!(f, " = {after}")?,
            (Some(before), None) => write!(f, ": {before} -> null")?,
            (Some(before), Some(after)) => write!(f, ": {before} -> {after}")?,
        }
        if self.forces_replacement {
            f.write_str(" (forces replacement)")?;
        }
        Ok(())
    }
}

fn left_out(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    if count > 0 {
        writeln!(f, "      and {count} more")?;
    }
    Ok(())
}
