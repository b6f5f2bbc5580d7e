//! The end of a long log in a status.

use serde_json::json;

use crate::stand::Stand;

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
    let stand = Stand::new();
    let running = stand.serve();
    let client = &running.client;
    let mut request = stand.request("terraform", CHATTY);
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
