//! One request to one result.

pub mod diagnosis;
