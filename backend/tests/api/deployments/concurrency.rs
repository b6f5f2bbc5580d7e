//! Twenty deployments, half of them with each tool, from a git server and each with its own directory.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::access::gate::{Gate, WITHIN_MINUTES};
use crate::client::Client;
use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::TestEnv;
use crate::waiting::wait_for;

/// Number of deployments.
pub(crate) const MANY: usize = 20;

/// Runs one crowd at a time: two would only wait for each other.
static TURN: Mutex<()> = Mutex::new(());

/// The test environment of a crowd, with a gate for its tools.
pub(crate) struct Crowd {
    pub(crate) test_env: TestEnv,
    pub(crate) gate: Gate,
    pub(crate) server: HttpServer,
    _repositories: Repositories,
    _turn: MutexGuard<'static, ()>,
}

impl Crowd {
    pub(crate) fn new(holds_fetches: bool) -> Self {
        Self::at(TestEnv::new(), holds_fetches)
    }

    pub(crate) fn at(test_env: TestEnv, holds_fetches: bool) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let repositories = Repositories::new();
        let repository = repositories.create("crowd");
        for number in 0..MANY {
            repository.write(&format!("{number}/main.tf"), &configuration(number));
        }
        repository.commit("crowd");
        let manner = Manner {
            holds_fetches,
            ..Manner::default()
        };
        Self {
            gate: Gate::new(test_env.path()),
            server: HttpServer::start(repositories.path(), manner),
            test_env,
            _repositories: repositories,
            _turn: turn,
        }
    }

    /// Starts all of them, and returns their ids.
    pub(crate) fn deploy(&self, client: &Client, auto_approve: bool) -> Vec<String> {
        let start = |number| client.deploy(&self.request(number, auto_approve));
        (0..MANY).map(start).collect()
    }

    fn request(&self, number: usize, auto_approve: bool) -> Value {
        let tool = ["terraform", "tofu"][number % 2];
        let url = self.server.url("crowd/.git");
        let mut request = self.test_env.git_request(tool, &url, &number.to_string());
        let path = request["env_vars"]["PATH"].as_str().unwrap();
        request["env_vars"]["PATH"] = json!(self.gate.before(path));
        request["env_vars"]["TF_VAR_place"] = json!(self.test_env.path());
        request["auto_approve"] = json!(auto_approve);
        request
    }

    /// Makes resources block while they are being created.
    pub(crate) fn hold_making(&self) {
        fs::write(self.test_env.path().join("hold-making"), "").unwrap();
    }

    /// Waits until all resources are being created.
    pub(crate) fn wait_until_being_made(&self) {
        wait_for("all to be made", WITHIN_MINUTES, || {
            (0..MANY)
                .all(|number| !self.made(number).is_empty())
                .then_some(())
        });
    }

    pub(crate) fn let_making_go(&self) {
        fs::remove_file(self.test_env.path().join("hold-making")).unwrap();
    }

    /// Waits until all of them have this value in a field of their status.
    pub(crate) fn wait_until_all(client: &Client, ids: &[String], field: &str, value: &str) {
        for id in ids {
            wait_for("a deployment to get there", WITHIN_MINUTES, || {
                (client.status(id)[field] == value).then_some(())
            });
        }
    }

    pub(crate) fn approve(client: &Client, ids: &[String]) {
        for id in ids {
            let (code, answer) = client.post(&format!("/deploy/{id}/approve"), &json!({}));
            assert_eq!(code, 200, "{answer}");
        }
    }

    /// Follows all of them to their ends, which must be successful, and checks that each resource was created once.
    pub(crate) fn assert_each_was_applied_once(&self, client: &Client, ids: &[String]) {
        for (number, id) in ids.iter().enumerate() {
            let events = client.follow(id, None).until_end();
            let end = events.last().unwrap().json();
            assert_eq!(end["reason"], "applied", "{number}: {events:#?}");
            let logged = events.iter().filter(|event| event.kind == "log");
            let numbers: Vec<u64> = logged.map(|event| event.id.parse().unwrap()).collect();
            assert!(
                numbers.iter().copied().eq(0..numbers.len() as u64),
                "{numbers:?}"
            );
            let (code, outputs) = client.get(&format!("/deploy/{id}/outputs"));
            assert_eq!((code, &outputs["number"]["value"]), (200, &json!(number)));
        }
        for number in 0..MANY {
            assert_eq!(self.made(number), "made\n", "{number}");
        }
        assert_eq!(self.gate.calls("apply"), MANY);
        // Processes that a crash left behind end by themselves, not before the deployments do.
        wait_for("the end of all that was started", WITHIN_MINUTES, || {
            self.test_env.mark().carriers().is_empty().then_some(())
        });
    }

    /// Returns a line for each time that a resource was created.
    fn made(&self, number: usize) -> String {
        let file = self.test_env.path().join(format!("made-{number}"));
        fs::read_to_string(file).unwrap_or_default()
    }
}

fn configuration(number: usize) -> String {
    format!(
        r#"
variable "place" {{}}
resource "terraform_data" "counted" {{
  provisioner "local-exec" {{
    command = "echo made >>${{var.place}}/made-{number}; while [ -e ${{var.place}}/hold-making ]; do sleep 0.1; done"
  }}
}}
output "number" {{ value = {number} }}
"#
    )
}
