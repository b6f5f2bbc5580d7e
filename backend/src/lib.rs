//! A service that deploys with Terraform and OpenTofu.
//!
//! | module | what it holds | may import |
//! |---|---|---|
//! | [`config`] | settings from the file, the environment and flags | nothing of ours |
//! | [`store`] | deployments, claims, logs, audit trail, keys; on SQLite or PostgreSQL | nothing of ours |
//! | [`sealing`] | encryption of request secrets at rest | `store`'s ids |
//! | [`auth`] | keys, roles, tickets | `store`'s ids |
//! | [`metrics`] | metrics for a monitoring system | nothing of ours |
//! | [`service`] | the queue, and sessions that run deployments | all of the above |
//! | [`http`] | the API, one file an endpoint group | all of the above |
//! | [`cli`] | the command line | all of the above |
//!
//! All of them may use `causes`, which displays an error with its causes. Of `iac-runner`, only the public API of its
//! library is used.

pub mod auth;
mod causes;
pub mod cli;
pub mod config;
pub mod http;
pub mod metrics;
pub mod sealing;
pub mod service;
pub mod store;
