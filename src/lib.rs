//! Runs Terraform and OpenTofu from another program.
//!
//! The binary `iac-runner` takes one JSON request on stdin, runs one command of one tool, and prints
//! one JSON result on stdout. This crate holds the parts of that binary and the types of its wire.
//!
//! | module | what it holds | may import |
//! |---|---|---|
//! | [`protocol`] | request, result, event, outcome words, exit statuses, JSON Schema | nothing of ours |
//! | [`process`] | fork, spawn, wait, signal, sweep, reap; the only place with `unsafe` | nothing of ours |
//! | [`output`] | spool, redaction, segments, head and tail | [`process`] |
//! | [`runner`] | one request to one result | all of the above |
//! | [`plan`] | the JSON of a plan, to a summary that a person can approve | [`protocol`] |
//! | [`client`] | the backend's side: find the binary, run, stream, cancel, attach | [`protocol`] |
//! | [`checkout`] | a commit of a git repository, in a directory | [`process`], [`output`], [`protocol`] |
//! | [`registry`] | a private registry: its address, its token, what the tool is given | nothing of ours |
//! | [`session`] | a whole deployment, from its source to its outputs | [`client`], [`checkout`], [`registry`], [`plan`], [`protocol`] |
//!
//! Nothing points back up.

// They panic where stdout or stderr takes nothing.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(target_os = "linux"))]
compile_error!("iac-runner supervises through Linux facilities: memfd, subreaper and /proc");

/// The Rust of `README.md` and `docs/library.md` compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/library.md")]
pub struct Documentation;

// The hidden modules are those of the program alone; they may change in any version.
pub mod checkout;
pub mod client;
#[doc(hidden)]
pub mod output;
pub mod plan;
#[doc(hidden)]
pub mod process;
pub mod protocol;
pub mod registry;
mod regular_file;
#[doc(hidden)]
pub mod runner;
pub mod session;
