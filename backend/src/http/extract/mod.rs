//! Extractors: the caller, the deployment in the path, the body, the page of a list.

pub(super) mod authenticated;
pub(super) mod body;
pub(super) mod deployment_path;
pub(super) mod keyless;
pub(super) mod page;
