//! Results of the operation `drift` for files that were changed, deleted, or left alone.

use iac_runner::plan::{Action, PlanSummary};
use iac_runner::session::Operation::{Deploy, Drift};
use iac_runner::session::{Reason, Status};

use crate::recovery::disk_env::DiskEnv;
use crate::support::tools::Tool;
use crate::test_env::{block_on, log};

const FILES: &str = r#"
resource "disk_file" "edited" {
  path    = "${local.folder}/edited"
  content = "as configured"
}
resource "disk_file" "gone" {
  path    = "${local.folder}/gone"
  content = "as configured"
}
resource "disk_file" "key" {
  path              = "${local.folder}/key"
  sensitive_content = "s3cr3t-as-configured"
}
resource "disk_file" "kept" {
  path    = "${local.folder}/kept"
  content = "as configured"
}
output "edited" {
  value = disk_file.edited.content
}
"#;

/// Returns addresses and actions of the drift in a plan.
fn drift(plan: &PlanSummary) -> Vec<(&str, &Action)> {
    let drift = plan.drift.iter();
    drift.map(|it| (it.address.as_str(), &it.action)).collect()
}

fn drift_is_found_and_left_as_it_is_until_a_deployment_undoes_it(tool: Tool) {
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        disk.carry(&sessions, (Deploy, FILES), Reason::Applied)
            .await;
        disk.write("edited", "by hand");
        disk.write("key", "s3cr3t-by-hand");
        std::fs::remove_file(disk.file("gone")).expect("it was there");
        let state = disk.test_env.server.state();
        let found = disk
            .carry(&sessions, (Drift, FILES), Reason::DriftFound)
            .await;
        assert_eq!(found.status().status, Status::Success);
        let plan = found.plan().expect("a plan");
        assert_eq!(
            drift(&plan),
            [
                ("disk_file.edited", &Action::Update),
                ("disk_file.gone", &Action::Delete),
                ("disk_file.key", &Action::Update),
            ]
        );
        assert_eq!(plan.resources, [], "nothing is planned");
        let text = plan.to_string();
        assert!(
            text.contains("content: \"as configured\" -> \"by hand\""),
            "{text}"
        );
        for shown in [text, log(&found)] {
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        assert_eq!(disk.test_env.server.state(), state, "it reports only");
        assert_eq!(disk.test_env.server.lock_holder(), None);
        assert_eq!(disk.content("edited").as_deref(), Some("by hand"));
        assert_eq!(disk.content("gone"), None);

        let undone = disk
            .carry(&sessions, (Deploy, FILES), Reason::Applied)
            .await;
        let plan = undone.plan().expect("a plan");
        assert_eq!(
            (plan.counts.add, plan.counts.change, plan.drift.len()),
            (1, 2, 3)
        );
        for name in ["edited", "gone"] {
            assert_eq!(
                disk.content(name).as_deref(),
                Some("as configured"),
                "{name}"
            );
        }
        let none = disk.carry(&sessions, (Drift, FILES), Reason::NoDrift).await;
        assert_eq!(drift(&none.plan().expect("a plan")), []);
    });
    disk.test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(drift_is_found_and_left_as_it_is_until_a_deployment_undoes_it);

fn what_is_new_in_the_configuration_alone_is_no_drift(tool: Tool) {
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        disk.carry(&sessions, (Deploy, FILES), Reason::Applied)
            .await;
        let grown = format!("{FILES}output \"kept\" {{\n  value = disk_file.kept.content\n}}\n");
        let none = disk
            .carry(&sessions, (Drift, &grown), Reason::NoDrift)
            .await;
        let plan = none.plan().expect("a plan");
        let outputs: Vec<_> = plan
            .outputs
            .iter()
            .map(|it| (it.name.as_str(), &it.action))
            .collect();
        assert_eq!(
            outputs,
            [("kept", &Action::Create)],
            "it is reported all the same"
        );
        assert_eq!(plan.drift, []);
    });
}
on_both_tools!(what_is_new_in_the_configuration_alone_is_no_drift);

fn drift_that_the_configuration_wants_is_found_and_needs_no_apply(tool: Tool) {
    const FILE: &str = r#"
resource "disk_file" "a" {
  path    = "${local.folder}/a"
  content = "as configured"
}
"#;
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        disk.carry(&sessions, (Deploy, FILE), Reason::Applied).await;
        disk.write("a", "by hand");
        let wanted = FILE.replace("as configured", "by hand");
        disk.carry(&sessions, (Drift, &wanted), Reason::DriftFound)
            .await;
        let adopted = disk
            .carry(&sessions, (Deploy, &wanted), Reason::NoChanges)
            .await;
        let plan = adopted.plan().expect("a plan");
        assert_eq!(drift(&plan), [("disk_file.a", &Action::Update)]);
    });
}
on_both_tools!(drift_that_the_configuration_wants_is_found_and_needs_no_apply);
