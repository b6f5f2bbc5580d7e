//! A row of `deployments`.

use iac_runner::protocol::Tool;
use iac_runner::session::Operation;

use crate::store::columns::{count, json_of, time, value_of};
use crate::store::{Claim, Deployment, Lease, Progress, QueueState, StoreError, Target};

/// The columns of a [`DeploymentRow`].
macro_rules! deployment_columns {
    () => {
        "seq, id, repository, path, workspace, tool, operation, record, queue_state, status, phase, reason, error, \
         warnings, commit_id, plan_digest, sandbox, session_dir, started_by, created_at, started_at, ended_at, node, \
         lease_until"
    };
}
pub(super) use deployment_columns;

#[derive(sqlx::FromRow)]
pub(super) struct DeploymentRow {
    seq: i64,
    id: String,
    repository: String,
    path: String,
    workspace: Option<String>,
    tool: String,
    operation: String,
    record: String,
    queue_state: String,
    status: String,
    phase: String,
    reason: Option<String>,
    error: String,
    warnings: String,
    commit_id: Option<String>,
    plan_digest: Option<String>,
    sandbox: Option<String>,
    session_dir: Option<String>,
    started_by: String,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    node: Option<String>,
    lease_until: Option<i64>,
}

/// A claimed row, with the columns that only the claiming node gets.
#[derive(sqlx::FromRow)]
pub(super) struct ClaimRow {
    #[sqlx(flatten)]
    deployment: DeploymentRow,
    epoch: i64,
    sealed_secrets: Option<Vec<u8>>,
}

impl TryFrom<DeploymentRow> for Deployment {
    type Error = StoreError;

    fn try_from(row: DeploymentRow) -> Result<Self, StoreError> {
        let malformed = |column| StoreError::Malformed { column };
        Ok(Self {
            seq: count("seq", row.seq)?,
            id: row.id.parse().map_err(|_| malformed("id"))?,
            target: Target {
                repository: row.repository,
                path: row.path,
                workspace: row.workspace,
            },
            tool: Tool::from_program(&row.tool).ok_or(malformed("tool"))?,
            operation: Operation::from_word(&row.operation).ok_or(malformed("operation"))?,
            record: json_of("record", &row.record)?,
            queue_state: QueueState::from_word(&row.queue_state).ok_or(malformed("queue_state"))?,
            progress: Progress {
                status: value_of("status", row.status)?,
                phase: value_of("phase", row.phase)?,
                error: row.error,
                warnings: serde_json::from_str(&row.warnings).map_err(|_| malformed("warnings"))?,
                commit: row.commit_id,
                plan_digest: row.plan_digest,
                sandbox: row.sandbox,
                started_at: row
                    .started_at
                    .map(|at| time("started_at", at))
                    .transpose()?,
            },
            reason: row
                .reason
                .map(|word| value_of("reason", word))
                .transpose()?,
            ended_at: row.ended_at.map(|at| time("ended_at", at)).transpose()?,
            started_by: row.started_by,
            created_at: time("created_at", row.created_at)?,
            node: row.node,
            lease_until: row
                .lease_until
                .map(|at| time("lease_until", at))
                .transpose()?,
            session_dir: row.session_dir,
        })
    }
}

impl TryFrom<ClaimRow> for Claim {
    type Error = StoreError;

    fn try_from(row: ClaimRow) -> Result<Self, StoreError> {
        let deployment = Deployment::try_from(row.deployment)?;
        Ok(Self {
            lease: Lease {
                deployment: deployment.id,
                epoch: row.epoch,
            },
            deployment,
            sealed_secrets: row.sealed_secrets,
        })
    }
}
