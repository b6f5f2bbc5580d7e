//! What a session stores: its directory, journal and log, and how long they are kept.

pub(crate) mod projection;

pub(super) mod journal;
pub(super) mod local_state;
pub(super) mod log;
pub(super) mod retention;
pub(super) mod session_dir;
