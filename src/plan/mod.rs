//! Converts the JSON of a plan to a summary that a person can approve.
//!
//! `terraform show -json PLAN` or `tofu show -json PLAN` → `document` → `value` → `difference` →
//! [`PlanSummary`] → its `Display`. All of it is pure; nothing here runs a tool or reads a file.
//!
//! That JSON contains every sensitive value in plain text, so masking comes first: the output of `value` contains
//! none. Errors name positions in the document and never quote it.

mod action;
mod difference;
mod document;
mod excerpt;
mod secrets;
mod shown;
mod summary;
mod text;
mod value;

#[cfg(test)]
mod drift_tests;
#[cfg(test)]
mod masking_tests;
#[cfg(test)]
mod tests;

pub use action::{Action, ActionReason};
pub use difference::{AttributeChange, MAX_ATTRIBUTES};
pub use document::{MAX_PLAN_BYTES, PlanError};
pub use shown::{KNOWN_AFTER_APPLY, MAX_VALUE_CHARS, SENSITIVE};
pub use summary::{
    ActionInvocation, Counts, DeferredChange, Mode, OutputChange, PlanSummary, ResourceChange,
};
