//! The steps of a session.

pub(super) mod backend_record;
pub(super) mod cli_config;
pub(super) mod confinement;
pub(crate) mod ephemeral;
pub(super) mod masked_json;
pub(crate) mod missing_submodules;
pub(super) mod prepare;
pub(super) mod read_plan;
pub(super) mod repository_access;
pub(super) mod run_stage;
pub(super) mod verify_approval;
pub(super) mod workspace;
