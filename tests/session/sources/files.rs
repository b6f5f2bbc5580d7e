//! Deployments of resources that exist outside of the state: replaced, imported, targeted.

use std::fs;

use iac_runner::plan::{Action, ActionReason, PlanSummary, ResourceChange};
use iac_runner::session::Operation::{Deploy, Destroy};
use iac_runner::session::Reason;

use crate::recovery::disk_env::{DiskEnv, ended_for};
use crate::support::tools::Tool;
use crate::test_env::{block_on, end, log, waiting, within_a_test};

#[track_caller]
fn only(plan: &PlanSummary) -> &ResourceChange {
    match plan.resources.as_slice() {
        [only] => only,
        resources => panic!("one resource is touched: {resources:?}"),
    }
}

fn what_cannot_be_updated_is_replaced(tool: Tool) {
    const FILE: &str = r#"
resource "disk_file" "a" {
  path    = "${local.folder}/before"
  content = "as configured"
}
output "id" {
  value = disk_file.a.id
}
"#;
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        disk.carry(&sessions, (Deploy, FILE), Reason::Applied).await;
        assert!(disk.file("before").exists());
        let moved = FILE.replace("before", "after");
        let session = disk
            .carry(&sessions, (Deploy, &moved), Reason::Applied)
            .await;
        let plan = session.plan().expect("a plan");
        let replaced = only(&plan);
        assert_eq!(replaced.action, Action::DeleteThenCreate);
        assert_eq!(
            replaced.reason,
            Some(ActionReason::ReplaceBecauseCannotUpdate)
        );
        assert_eq!(
            (plan.counts.add, plan.counts.replace, plan.counts.destroy),
            (1, 1, 1)
        );
        assert_eq!(disk.content("before"), None);
        assert_eq!(disk.content("after").as_deref(), Some("as configured"));
        let outputs = session.outputs().expect("outputs");
        let id = disk.file("after");
        assert_eq!(outputs.get("id").unwrap().value, id.to_str().unwrap());
        disk.carry(&sessions, (Destroy, &moved), Reason::Destroyed)
            .await;
        assert_eq!(disk.content("after"), None);
    });
    disk.test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(what_cannot_be_updated_is_replaced);

fn what_exists_is_imported_and_changed_to_what_is_configured(tool: Tool) {
    let disk = DiskEnv::new(tool);
    let id = disk.file("a");
    let import = format!(
        "import {{\n  to = disk_file.a\n  id = \"{}\"\n}}\n",
        id.display()
    );
    let file = r#"
resource "disk_file" "a" {
  path    = "${local.folder}/a"
  content = "as configured"
}
"#;
    disk.write("a", "by hand");
    block_on(async {
        let sessions = disk.test_env.sessions();
        let both = format!("{import}{file}");
        let session = disk
            .carry(&sessions, (Deploy, &both), Reason::Applied)
            .await;
        let plan = session.plan().expect("a plan");
        let imported = only(&plan);
        assert_eq!(imported.import_id.as_deref(), id.to_str());
        assert_eq!(imported.action, Action::Update);
        assert_eq!((plan.counts.import, plan.counts.add), (1, 0));
        assert_eq!(disk.content("a").as_deref(), Some("as configured"));
        assert_eq!(disk.test_env.resources().len(), 1);
        disk.carry(&sessions, (Deploy, &both), Reason::NoChanges)
            .await;
    });
}
on_both_tools!(what_exists_is_imported_and_changed_to_what_is_configured);

fn what_is_not_there_cannot_be_imported(tool: Tool) {
    const IMPORT: &str = r#"
import {
  to = disk_file.a
  id = "/nowhere/a"
}
resource "disk_file" "a" {
  path    = "/nowhere/a"
  content = "as configured"
}
"#;
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        let session = disk
            .carry(&sessions, (Deploy, IMPORT), Reason::PlanFailed)
            .await;
        assert_eq!(session.plan(), None);
        assert_eq!(disk.test_env.resources(), []);
    });
}
on_both_tools!(what_is_not_there_cannot_be_imported);

fn one_of_many_is_chosen_by_a_key_with_quotes(tool: Tool) {
    const EACH: &str = r#"
resource "disk_file" "each" {
  for_each = toset(["plain", "it's a \"quoted\" key"])
  path     = "${local.folder}/${sha1(each.key)}"
  content  = each.key
}
"#;
    const QUOTED: &str = r#"disk_file.each["it's a \"quoted\" key"]"#;
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        let mut targeted = disk.request(EACH);
        targeted.targets = vec![QUOTED.to_owned()];
        let session = ended_for(&sessions, targeted, Reason::Applied).await;
        let plan = session.plan().expect("a plan");
        let created = only(&plan);
        assert_eq!(
            (created.address.as_str(), &created.action),
            (QUOTED, &Action::Create)
        );
        assert_eq!(disk.test_env.resources().len(), 1);

        disk.carry(&sessions, (Deploy, EACH), Reason::Applied).await;
        let mut replacing = disk.request(EACH);
        replacing.replace = vec![QUOTED.to_owned()];
        let session = ended_for(&sessions, replacing, Reason::Applied).await;
        let plan = session.plan().expect("a plan");
        let replaced = only(&plan);
        assert_eq!(replaced.address, QUOTED);
        assert_eq!(replaced.reason, Some(ActionReason::ReplaceByRequest));
        assert_eq!(disk.test_env.resources().len(), 2);
    });
}
on_both_tools!(one_of_many_is_chosen_by_a_key_with_quotes);

fn what_a_failed_replacement_left_over_is_destroyed_by_the_next_deployment(tool: Tool) {
    const FILE: &str = r#"
resource "disk_file" "a" {
  path    = "${local.folder}/first"
  content = "as configured"
  lifecycle {
    create_before_destroy = true
  }
}
"#;
    let disk = DiskEnv::new(tool);
    block_on(async {
        let sessions = disk.test_env.sessions();
        disk.carry(&sessions, (Deploy, FILE), Reason::Applied).await;
        let moved = FILE.replace("first", "second");
        let mut request = disk.request(&moved);
        request.auto_approve = false;
        let (session, digest) = waiting(&sessions, request).await;
        // A folder in its place cannot be deleted like a file.
        fs::remove_file(disk.file("first")).expect("it was there");
        fs::create_dir(disk.file("first")).expect("a folder");
        let approved = within_a_test(session.approve("alice", "", &digest)).await;
        approved.expect("it counts");
        let failed = end(&session).await;
        assert_eq!(
            failed.reason,
            Some(Reason::ApplyFailed),
            "{}",
            log(&session)
        );
        assert_eq!(disk.content("second").as_deref(), Some("as configured"));
        assert_eq!(disk.test_env.resources().len(), 2, "both are in the state");

        fs::remove_dir(disk.file("first")).expect("it is empty");
        disk.write("first", "as configured");
        let session = disk
            .carry(&sessions, (Deploy, &moved), Reason::Applied)
            .await;
        let plan = session.plan().expect("a plan");
        let left_over = only(&plan);
        assert!(left_over.deposed.is_some(), "{left_over:?}");
        assert_eq!(left_over.action, Action::Delete);
        assert_eq!(disk.content("first"), None);
        assert_eq!(disk.test_env.resources().len(), 1);
    });
    disk.test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(what_a_failed_replacement_left_over_is_destroyed_by_the_next_deployment);
