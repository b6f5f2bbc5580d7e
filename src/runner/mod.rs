//! One request to one result.

pub mod diagnosis;
pub mod effect;
pub mod flags;
pub mod state_report;
