//! Names of the files in a run directory.

/// The received request, with secrets masked.
pub const REQUEST: &str = "request.json";
/// The masked output; grows as the tool prints.
pub const OUTPUT: &str = "output.log";
/// The events, one per line; output as a position in [`OUTPUT`].
pub const EVENTS: &str = "events.ndjson";
/// The result; exists completely or not at all.
pub const RESULT: &str = "result.json";
/// Locked while the supervisor lives; contains its process id. The first file that a runner creates in a run directory;
/// it does not continue without creating it, so the process that creates it first owns the directory.
pub const PID: &str = "supervisor.pid";
