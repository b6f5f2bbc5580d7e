//! Decisions while the store cannot be written, and crashes in the middle of them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::access::gate::WITHIN_MINUTES;
use crate::bounded::output_of;
use crate::client::Client;
use crate::test_env::{Running, SMALL, TestEnv, block_on};
use crate::waiting::wait_for;

fn database(test_env: &TestEnv) -> String {
    let file = test_env.root().join("data/backend.db");
    file.to_str().unwrap().to_owned()
}

/// Runs `work` while another process has locked the database.
fn while_locked<T>(test_env: &TestEnv, work: impl FnOnce() -> T) -> T {
    block_on(async {
        let mut connection = SqliteConnection::connect(&database(test_env))
            .await
            .unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        let done = work();
        connection.execute("ROLLBACK").await.unwrap();
        done
    })
}

fn planned(test_env: &TestEnv, client: &Client, workspace: &str) -> String {
    let mut request = test_env.request("terraform", SMALL);
    request["workspace"] = json!(workspace);
    let id = client.deploy(&request);
    client.follow(&id, None).until_status("awaiting_approval");
    id
}

fn decide(client: &Client, id: &str, what: &str) -> (u16, Value) {
    client.post(&format!("/deploy/{id}/{what}"), &json!({}))
}

/// Returns the actions of the audit trail about a deployment, oldest first; those that are not done are marked.
fn trail(client: &Client, id: &str) -> Vec<String> {
    let (code, audit) = client.get(&format!("/audit?deployment={id}"));
    assert_eq!(code, 200, "{audit}");
    let entries = audit["entries"].as_array().unwrap().iter().rev();
    let shown = entries.map(|entry| match entry["outcome"].as_str().unwrap() {
        "done" => entry["action"].as_str().unwrap().to_owned(),
        outcome => format!("{} {outcome}", entry["action"].as_str().unwrap()),
    });
    shown.collect()
}

/// Waits for these entries: what a session did is settled soon after, or as soon as the store can write.
#[track_caller]
fn wait_for_trail(client: &Client, id: &str, expected: &[&str]) {
    let what = format!("the trail to say {expected:?}");
    wait_for(&what, WITHIN_MINUTES, || {
        (trail(client, id) == expected).then_some(())
    });
}

fn ended(client: &Client, id: &str) -> Value {
    wait_for("the deployment to end", WITHIN_MINUTES, || {
        let status = client.status(id);
        status["ended_at"].is_string().then_some(status)
    })
}

#[test]
fn a_decision_that_cannot_be_written_is_not_made() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = planned(&test_env, client, "default");
    while_locked(&test_env, || {
        for what in ["approve", "reject"] {
            let (code, answer) = decide(client, &id, what);
            assert_eq!((code, &answer["code"]), (503, &json!("unavailable")));
        }
        assert_eq!(client.status(&id)["status"], "awaiting_approval");
    });
    assert_eq!(trail(client, &id), ["start"]);
    let (code, answer) = decide(client, &id, "approve");
    assert_eq!(code, 200, "{answer}");
    assert_eq!(ended(client, &id)["reason"], "applied");
    wait_for_trail(client, &id, &["start", "approve"]);
}

#[test]
fn an_apply_is_cancelled_while_the_store_cannot_write() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.slow());
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    assert_eq!(decide(client, &id, "approve").0, 200);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    while_locked(&test_env, || {
        let (code, answer) = decide(client, &id, "cancel");
        assert_eq!(code, 200, "{answer}");
    });
    assert_eq!(ended(client, &id)["reason"], "cancelled");
    wait_for_trail(client, &id, &["start", "approve", "cancel"]);
}

/// The disk of the data directory is full.
#[test]
fn a_full_disk_takes_no_decision_and_loses_none() {
    let test_env = TestEnv::new();
    let disk = SmallDisk::mounted_at(&test_env.root().join("data"));
    let running = test_env.serve();
    let client = &running.client;
    let (approved, rejected) = (
        planned(&test_env, client, "one"),
        planned(&test_env, client, "two"),
    );
    disk.fill();
    // Longer than the free space of any block in use.
    let remarks = json!({"comment": "x".repeat(4096)});
    let (code, answer) = client.post(&format!("/deploy/{approved}/approve"), &remarks);
    assert_eq!((code, &answer["code"]), (503, &json!("unavailable")));
    assert_eq!(client.status(&approved)["status"], "awaiting_approval");
    disk.make_room();
    wait_for_trail(client, &approved, &["start"]);
    assert_eq!(decide(client, &approved, "approve").0, 200);
    assert_eq!(decide(client, &rejected, "reject").0, 200);
    assert_eq!(ended(client, &approved)["reason"], "applied");
    assert_eq!(ended(client, &rejected)["reason"], "rejected");
    wait_for_trail(client, &approved, &["start", "approve"]);
    wait_for_trail(client, &rejected, &["start", "reject"]);
    drop(running);
}

/// Kills the service at random points while it decides, and while another process locks the database now and then: the
/// audit trail says exactly what was done.
#[test]
fn the_trail_is_complete_after_a_crash_at_any_point() {
    let test_env = TestEnv::new();
    for round in 0..6_u64 {
        let running = test_env.serve();
        let one = planned(&test_env, &running.client, &format!("one{round}"));
        let two = planned(&test_env, &running.client, &format!("two{round}"));
        let (approving, rejecting) = (running.client.clone(), running.client.clone());
        let (first, second) = (one.clone(), two.clone());
        crash_while_locked_now_and_then(&test_env, running, round, move || {
            let attempts = [
                thread::spawn(move || approving.try_post(&format!("/deploy/{first}/approve"))),
                thread::spawn(move || rejecting.try_post(&format!("/deploy/{second}/reject"))),
            ];
            for attempt in attempts {
                attempt.join().unwrap();
            }
        });

        let running = test_env.serve();
        let client = &running.client;
        // Approved deployments that had not begun when the service died end as `interrupted`.
        let decisions: [(_, _, &[&str]); 2] = [
            (&one, "approve", &["applied", "interrupted"]),
            (&two, "reject", &["rejected"]),
        ];
        for (id, action, reasons) in decisions {
            let status = wait_for("the deployment to be taken up", WITHIN_MINUTES, || {
                let status = client.status(id);
                let is_at_rest = status["ended_at"].is_string()
                    || (status["approval_deadline"].is_string()
                        && !trail(client, id).iter().any(|it| it.ends_with("pending")));
                is_at_rest.then_some(status)
            });
            let expected: &[&str] = if status["status"] == "awaiting_approval" {
                &["start"]
            } else {
                let reason = status["reason"].as_str().unwrap();
                assert!(reasons.contains(&reason), "{status}");
                &["start", action]
            };
            wait_for_trail(client, id, expected);
            if status["status"] == "awaiting_approval" {
                assert_eq!(decide(client, id, "reject").0, 200);
            }
        }
    }
}

/// Kills the service some milliseconds after the work began, while the database is locked now and then.
fn crash_while_locked_now_and_then(
    test_env: &TestEnv,
    running: Running,
    round: u64,
    work: impl FnOnce() + Send + 'static,
) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                while_locked(test_env, || {
                    thread::sleep(Duration::from_millis(3 + 7 * round));
                });
            }
        });
        let work = thread::spawn(work);
        thread::sleep(Duration::from_millis(round * round * 4));
        running.kill();
        is_over.store(true, Ordering::Relaxed);
        work.join().unwrap();
    });
}

/// A disk of a few megabytes; dropping it unmounts it.
struct SmallDisk {
    at: std::path::PathBuf,
}

impl SmallDisk {
    fn mounted_at(at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"]);
        let mounted = output_of(mount.arg(at));
        assert!(
            mounted.status.success(),
            "this test mounts, as root: {mounted:?}"
        );
        Self { at: at.to_owned() }
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.at.join("filler")).unwrap();
        let mut len = 1 << 20;
        while len > 0 {
            if file.write_all(&vec![0; len]).is_err() {
                len /= 2;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        output_of(Command::new("umount").arg("--lazy").arg(&self.at));
    }
}
