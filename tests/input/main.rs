//! The real binary against whatever may come in on stdin, and a scripted tool's output to whoever may
//! read it.

mod any_bytes;
mod any_output;
mod bad_documents;
mod bad_fields;
mod bad_surroundings;
mod call;
mod low_limits;
#[path = "../support/record.rs"]
mod record;
mod refusal;
mod schemas;
mod stand;
