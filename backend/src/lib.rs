//! A service that deploys with Terraform and OpenTofu.
//!
//! | module | what it holds | may import |
//! |---|---|---|
//! | [`config`] | every setting: file, environment, flags | nothing of ours |
//! | [`store`] | deployments, claims, logs, audit trail, keys; on SQLite or PostgreSQL | nothing of ours |
//! | [`sealing`] | secrets of requests, encrypted at rest | `store`'s names |
//! | [`auth`] | keys, roles, tickets | `store`'s names |
//! | [`metrics`] | what a monitoring system asks for | nothing of ours |
//! | [`service`] | the queue, and sessions that carry deployments out | all of the above |
//! | [`http`] | the API, one file an endpoint group | all of the above |
//! | [`cli`] | the command line | all of the above |
//!
//! All of them may use `causes`, which shows an error with what caused it. Of `iac-runner`, only the public API of its
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
