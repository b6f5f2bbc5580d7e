//! Outcome, diagnosis and state report: what the result may claim.

mod errored_state;
mod memory;
mod quotations;
mod wrappers;
