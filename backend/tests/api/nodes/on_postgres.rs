//! The service with a real PostgreSQL.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::deployments::concurrency::{Crowd, MANY};
use crate::deployments::deploying::{SECRET, whole};
use crate::deployments::queue::one_after_the_other;
use crate::recovery::restart::{through, waits_through_a_crash};
use crate::test_env::{Running, SMALL, TestEnv, block_on};

#[test]
fn a_deployment_is_planned_approved_and_applied_with_terraform() {
    whole(&TestEnv::on_postgres(), "terraform");
}

#[test]
fn a_deployment_is_planned_approved_and_applied_with_tofu() {
    whole(&TestEnv::on_postgres(), "tofu");
}

#[test]
fn a_plan_that_waits_is_approved_after_a_crash_with_its_secrets() {
    waits_through_a_crash(&TestEnv::on_postgres());
}

#[test]
fn an_apply_goes_on_through_a_crash_and_is_made_once() {
    through(&TestEnv::on_postgres(), Running::kill);
}

#[test]
fn a_second_deployment_of_a_workspace_waits_and_can_be_cancelled() {
    one_after_the_other(&TestEnv::on_postgres());
}

#[test]
fn twenty_that_are_applied_are_followed_after_a_crash_and_never_applied_again() {
    let crowd = Crowd::at(TestEnv::on_postgres(), false);
    let room = ["--concurrency", "20", "--allowed-git-hosts", "127.0.0.1"];
    crowd.hold_making();
    let running = crowd.test_env.serve_with(&room);
    let ids = crowd.deploy(&running.client, true);
    assert_eq!(ids.len(), MANY);
    crowd.wait_until_being_made();
    running.kill();

    let running = crowd.test_env.serve_with(&room);
    crowd.let_making_go();
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

#[test]
fn the_database_holds_no_secret_in_clear_while_a_plan_waits() {
    let test_env = TestEnv::on_postgres();
    let running = test_env.serve();
    let mut request = test_env.request("terraform", SMALL);
    request["env_vars"]["TF_VAR_password"] = json!(SECRET);
    let id = running.client.deploy(&request);
    running
        .client
        .follow(&id, None)
        .until_status("awaiting_approval");
    let rows = block_on(everything(test_env.database()));
    assert!(rows.contains(&id) && rows.contains("TF_VAR_password"));
    assert!(!rows.contains(SECRET), "{rows}");
}

/// Returns the rows of deployments and logs as text.
async fn everything(database: &str) -> String {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let text = "SELECT COALESCE(STRING_AGG(d::TEXT, ''), '') || \
                (SELECT COALESCE(STRING_AGG(l::TEXT, ''), '') FROM log_lines l) FROM deployments d";
    sqlx::query_scalar(text)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}
