//! The end of a long log in a status, and what is stored of a log above the limit.

use serde_json::json;

use crate::test_env::TestEnv;

/// Two megabytes of lines.
const CHATTY: &str = r#"
resource "terraform_data" "chatty" {
  provisioner "local-exec" {
    command = "seq -f 'chatter %06.0f abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghijklmnop' 20000"
  }
}
"#;

const MEGABYTE: usize = 1024 * 1024;

#[test]
fn a_status_has_the_last_megabyte_of_a_long_log() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let mut request = test_env.request("terraform", CHATTY);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let end = client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let status = client.status(&id);
    let text = |name: &str| status[name].as_str().unwrap().to_owned();
    assert!(text("init_log").contains("Initializing"));
    assert!(text("plan_log").contains("will be created"));
    let (_, whole) = client.get(&format!("/deploy/{id}/logs.txt?phase=apply"));
    let (whole, log) = (whole.as_str().unwrap(), text("apply_log"));
    assert!(whole.len() > MEGABYTE + MEGABYTE / 2);
    assert!(log.len() <= MEGABYTE && log.len() > MEGABYTE - 64 * 1024);
    assert!(whole.ends_with(&log) && log.contains("chatter 020000"));
    assert_eq!(whole.as_bytes()[whole.len() - log.len() - 1], b'\n');
}

#[test]
fn beginning_and_end_are_kept_of_a_log_that_is_too_long() {
    let test_env = TestEnv::new();
    let limit = ["--log-limit", "1MiB"];
    let running = test_env.serve_with(&limit);
    let client = &running.client;
    let mut request = test_env.request("terraform", CHATTY);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let seen = client.follow(&id, None).until_end();
    let logged = seen.iter().filter(|event| event.kind == "log").count();
    // After a restart, the log comes only from the database.
    running.stop();
    let running = test_env.serve_with(&limit);
    let client = &running.client;
    let (_, text) = client.get(&format!("/deploy/{id}/logs.txt"));
    let text = text.as_str().unwrap();
    assert!(
        text.len() < MEGABYTE && text.len() > MEGABYTE / 2,
        "{}",
        text.len()
    );
    for kept in [
        "Initializing",
        "chatter 000001",
        "chatter 020000",
        "Apply complete!",
    ] {
        assert!(text.contains(kept), "{kept}");
    }
    assert!(!text.contains("chatter 010000"));
    let markers: Vec<_> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix('[')?
                .split_once(" lines are left out here: ")
        })
        .collect();
    let [(count, why)] = markers[..] else {
        panic!("{markers:?}");
    };
    assert!(why.contains("`work.log_limit`, which is 1.0 MiB"), "{why}");
    let count: usize = count.parse().unwrap();
    assert_eq!(text.lines().count() - 1 + count, logged);
    // A follower that reconnects within the gap continues after it.
    let ids: Vec<u64> = client
        .follow(&id, Some("5000"))
        .until_end()
        .iter()
        .filter_map(|event| event.id.parse().ok())
        .collect();
    assert!(ids.is_sorted() && ids[0] > 5001, "{:?}", &ids[..3]);
    assert!(
        client.status(&id)["apply_log"]
            .as_str()
            .unwrap()
            .contains("Apply complete!")
    );
}
