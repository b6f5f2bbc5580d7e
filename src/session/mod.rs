//! A whole deployment, from the request to the outputs.

pub mod flags;
pub mod request;
pub mod words;

pub use request::DeployRequest;
