//! The wire format: requests, control lines, events, results, and their vocabulary.
//!
//! Imports nothing else of this crate. Everything here is data, or pure functions on data.

mod control;
mod decode;
mod event;
pub mod exit_status;
mod help_words;
pub(crate) mod json;
mod outcome;
mod request;
mod result;
pub mod run_files;
mod sandbox;
mod schema;
mod secret_name;
pub mod timestamp;
mod tool;

pub use self::decode::fault::{Fault, RequestError};
pub use self::decode::framing::{Framer, Framing, FramingFault, MAX_REQUEST_BYTES};
pub use control::{Control, MAX_CONTROL_LINE_BYTES};
pub use event::Event;
pub use outcome::{OnDisconnect, Outcome, StopReason};
pub use request::{
    DEFAULT_GRACE, DEFAULT_INHERIT_ENV, DEFAULT_OUTPUT_LIMIT_BYTES, DEFAULT_TIMEOUT, MAX_GRACE,
    MAX_OUTPUT_LIMIT_BYTES, MAX_TIMEOUT, Request, inherits,
};
pub use result::{
    Diagnosis, DiagnosisClass, LockStatus, PROTOCOL_VERSION, RunResult, StateReport, StateSafety,
};
pub use sandbox::{MIN_MEMORY_LIMIT_BYTES, SandboxMode, SandboxRequest};
pub use schema::{Subject, schema};
pub use secret_name::is_secret_name;
pub use tool::Tool;

pub(crate) use self::decode::fault::{is_identifier, is_settable_variable, member, sentence};
pub(crate) use self::decode::fields;
pub(crate) use self::decode::json::Json;
pub(crate) use decode::json as tree_of;
pub(crate) use help_words::asks_for_help_or_version;
pub(crate) use request::fits;
pub(crate) use secret_name::may_be_secret;
