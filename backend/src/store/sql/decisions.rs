//! Decisions on their way to the node that runs the deployment.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::{PostgresStore, SqliteStore};
use crate::store::columns::json_of;
use crate::store::{DeploymentId, ForwardedDecisions, HandedOver, StoreError};

const ANSWER: &str = "UPDATE decisions SET answer = $2 WHERE seq = $1";

const ANSWER_TO: &str = "SELECT answer FROM decisions WHERE seq = $1";

const WITHDRAW: &str = "DELETE FROM decisions WHERE seq = $1 AND taken_by IS NULL";

#[derive(sqlx::FromRow)]
struct DecisionRow {
    seq: i64,
    deployment: String,
    decision: String,
}

impl TryFrom<DecisionRow> for HandedOver {
    type Error = StoreError;

    fn try_from(row: DecisionRow) -> Result<Self, StoreError> {
        let malformed = |_| StoreError::Malformed {
            column: "deployment",
        };
        Ok(Self {
            number: row.seq,
            deployment: row.deployment.parse().map_err(malformed)?,
            decision: json_of("decision", &row.decision)?,
        })
    }
}

macro_rules! decisions {
    ($store:ty, $is_shared:literal, $now:literal) => {
        #[async_trait]
        impl ForwardedDecisions for $store {
            fn is_shared(&self) -> bool {
                $is_shared
            }

            async fn hand_over(
                &self,
                deployment: DeploymentId,
                decision: &Value,
                within: Duration,
            ) -> Result<i64, StoreError> {
                let statement = concat!(
                    "INSERT INTO decisions (deployment, decision, good_until) VALUES ($1, $2, ",
                    $now,
                    " + $3) RETURNING seq"
                );
                let number = sqlx::query_scalar(statement)
                    .bind(deployment.to_string())
                    .bind(decision.to_string())
                    .bind(i64::try_from(within.as_micros()).unwrap_or(i64::MAX / 2))
                    .fetch_one(&mut *self.durable().await?)
                    .await?;
                Ok(number)
            }

            async fn take_decisions(&self, node: &str) -> Result<Vec<HandedOver>, StoreError> {
                let statement = concat!(
                    "UPDATE decisions SET taken_by = $1 WHERE taken_by IS NULL AND good_until > ",
                    $now,
                    " AND deployment IN (SELECT id FROM deployments WHERE queue_state = 'active' AND node = $1) \
                     RETURNING seq, deployment, decision"
                );
                let rows: Vec<DecisionRow> = sqlx::query_as(statement)
                    .bind(node)
                    .fetch_all(&mut *self.durable().await?)
                    .await?;
                let taken: Result<Vec<HandedOver>, _> =
                    rows.into_iter().map(HandedOver::try_from).collect();
                let mut taken = taken?;
                taken.sort_by_key(|decision| decision.number);
                Ok(taken)
            }

            async fn answer(&self, number: i64, answer: &Value) -> Result<(), StoreError> {
                sqlx::query(ANSWER)
                    .bind(number)
                    .bind(answer.to_string())
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn answer_to(&self, number: i64) -> Result<Option<Value>, StoreError> {
                let text: Option<Option<String>> = sqlx::query_scalar(ANSWER_TO)
                    .bind(number)
                    .fetch_optional(self.reads())
                    .await?;
                text.flatten()
                    .map(|text| json_of("answer", &text))
                    .transpose()
            }

            async fn withdraw(&self, number: i64) -> Result<bool, StoreError> {
                let done = sqlx::query(WITHDRAW)
                    .bind(number)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(done.rows_affected() > 0)
            }
        }
    };
}

decisions!(
    SqliteStore,
    false,
    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
);
decisions!(
    PostgresStore,
    true,
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
);
