//! One call of the binary, from its arguments to its checked result.

pub(super) mod remote_cancel;
pub(super) mod stop_request;

pub(super) mod check_exit;
pub(super) mod driver;
pub(super) mod invocation;
pub(super) mod lines;
pub(super) mod reading;
pub(super) mod reaper;
pub(super) mod tail;
