//! What a configuration reaches of the service that runs it.

use std::fs;

use serde_json::json;

use crate::client::Client;
use crate::stand::Stand;

/// Each line is a name, a colon, and a command that succeeds if the attack does.
const ATTACKS: &str = r#"
key: cat $DATA/../sealing.key
database: cat $DATA/backend.db
sessions: ls $DATA/sessions
environment: cat /proc/$PPID/environ
environment_of_service: cat /proc/$SERVICE/environ
signal: kill -0 $SERVICE
"#;

/// Tries every attack; says in outputs which succeeded.
fn configuration(data: &str, service: u32) -> String {
    let mut script = format!("export DATA={data} SERVICE={service}; ");
    for line in ATTACKS.lines() {
        if let Some((name, command)) = line.split_once(": ") {
            script += &format!("if ({command}) >/dev/null 2>&1; then echo {name} >>reached; fi; ");
        }
    }
    script += "echo end >>reached; cat reached";
    format!(
        "resource \"terraform_data\" \"attack\" {{\n  provisioner \"local-exec\" {{\n    command = <<-EOT\n{script}\nEOT\n  \
         }}\n}}\n"
    )
}

/// What an attack reached: the lines that its script has left.
fn reached(stand: &Stand, client: &Client, id: &str) -> String {
    client.follow(id, None).until_end();
    let folder = stand.path().join("data/sessions").join(id);
    let entries = fs::read_dir(folder).unwrap();
    let mut sessions = entries.map(|entry| entry.unwrap().path().join("source/reached"));
    let path = sessions.find(|path| path.exists());
    path.map(|path| fs::read_to_string(path).unwrap())
        .unwrap_or_default()
}

#[test]
fn a_configuration_reaches_nothing_of_the_service_by_default() {
    for tool in ["terraform", "tofu"] {
        let stand = Stand::new();
        let mut command = stand.command(&["serve"]);
        command.env_remove("IAC_BACKEND_SANDBOX_WRITE");
        let running = stand.start(&mut command);
        let client = &running.client;
        let data = stand.path().join("data");
        let hcl = configuration(data.to_str().unwrap(), running.pid());
        let mut request = stand.request(tool, &hcl);
        request["auto_approve"] = json!(true);
        let id = client.deploy(&request);
        assert_eq!(reached(&stand, client, &id), "end\n");
        let (code, status) = client.get(&format!("/deploy/{id}/status"));
        assert_eq!((code, &status["status"]), (200, &json!("success")));
        let level = status["sandbox"].as_str().unwrap();
        assert!(level.starts_with("landlock-"), "{level}");
        let metrics = client.get("/metrics").1;
        let series = format!("iac_runner_sandbox_info{{level=\"{level}\"}} 1");
        assert!(metrics.as_str().unwrap().contains(&series), "{metrics}");

        // As a plan, and by a function.
        let hcl = format!(
            "output \"key\" {{ value = file(\"{}\") }}\n",
            stand.path().join("sealing.key").display()
        );
        let id = client.deploy(&stand.request(tool, &hcl));
        client.follow(&id, None).until_end();
        let status = client.get(&format!("/deploy/{id}/status")).1;
        assert_eq!(status["reason"], "plan_failed", "{status}");
    }
}

#[test]
fn the_attacks_succeed_without_a_sandbox() {
    let stand = Stand::new();
    let running = stand.serve_with(&["--sandbox", "off"]);
    let client = &running.client;
    let data = stand.path().join("data");
    let hcl = configuration(data.to_str().unwrap(), running.pid());
    let mut request = stand.request("terraform", &hcl);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let reached = reached(&stand, client, &id);
    for (name, _) in ATTACKS.lines().filter_map(|line| line.split_once(": ")) {
        assert!(
            reached.lines().any(|line| line == name),
            "{name}: {reached}"
        );
    }
    let status = client.get(&format!("/deploy/{id}/status")).1;
    assert_eq!(status["sandbox"], json!(null));
}
