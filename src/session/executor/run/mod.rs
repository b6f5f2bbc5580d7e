//! One run of the tool: its request, its progress, its end.

pub(crate) mod commands;
pub(super) mod follow_run;
pub(crate) mod result_event;
pub(super) mod stop_run;
