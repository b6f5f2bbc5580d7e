//! The command of a request: its flags, and what it may do.

pub(super) mod leader;

pub(crate) mod cli_args;
pub(crate) mod effect;
pub(crate) mod flags;
