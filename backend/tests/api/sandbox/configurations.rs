//! Functions, modules, and links in a repository.

use std::fs;

use serde_json::json;

use super::Target;
use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;

fn expressions_and_modules_reach_nothing(tool: &'static str) {
    let repositories = Repositories::new();
    let repository = repositories.create("module");
    repository.write("main.tf", "output \"it\" { value = 1 }\n");
    repository.commit("a module");
    for (mode, is_reached) in [("off", true), ("auto", false)] {
        let target = Target::new(tool, mode);
        let key = target.key().display().to_string();
        let module = target.test_env.path().join("module");
        fs::create_dir(&module).unwrap();
        fs::write(module.join("main.tf"), "output \"it\" { value = 1 }\n").unwrap();
        let of_module = |source: &str| format!("module \"it\" {{ source = \"{source}\" }}\n");
        let table = [
            (
                "file",
                format!("output \"it\" {{ value = file(\"{key}\") }}\n"),
            ),
            (
                "filebase64",
                format!("output \"it\" {{ value = filebase64(\"{key}\") }}\n"),
            ),
            (
                "templatefile",
                format!("output \"it\" {{ value = templatefile(\"{key}\", {{}}) }}\n"),
            ),
            ("module", of_module(&module.display().to_string())),
            (
                "git module",
                of_module(&format!("git::file://{}", repository.path.display())),
            ),
        ];
        for (name, hcl) in table {
            assert_eq!(target.is_planned(&hcl), is_reached, "{name} with {mode}");
        }
    }
}

#[test]
fn expressions_and_modules_reach_nothing_with_terraform() {
    expressions_and_modules_reach_nothing("terraform");
}

#[test]
fn expressions_and_modules_reach_nothing_with_tofu() {
    expressions_and_modules_reach_nothing("tofu");
}

fn links_in_a_repository_reach_nothing(tool: &'static str) {
    for (mode, is_reached) in [("off", true), ("auto", false)] {
        let target = Target::new(tool, mode);
        let repositories = Repositories::new();
        let repository = repositories.create("a");
        let link = repository.path.join("network/link");
        std::os::unix::fs::symlink(target.test_env.root(), link).unwrap();
        let hcl = "output \"it\" { value = file(\"${path.module}/link/sealing.key\") }\n";
        repository.write("network/main.tf", hcl);
        repository.commit("a link");
        let server = HttpServer::start(repositories.path(), Manner::default());
        let url = server.url("a/.git");
        let mut request = target.test_env.git_request(tool, &url, "network");
        request["operation"] = json!("plan");
        let id = target.ended(&request);
        let status = target.client().status(&id);
        assert_eq!(status["status"] == "success", is_reached, "{status}");
        // With and without a sandbox: the service itself follows none of them.
        let request = target.test_env.git_request(tool, &url, "network/link");
        let id = target.ended(&request);
        assert_eq!(target.client().status(&id)["reason"], "checkout_failed");
    }
}

#[test]
fn links_in_a_repository_reach_nothing_with_terraform() {
    links_in_a_repository_reach_nothing("terraform");
}

#[test]
fn links_in_a_repository_reach_nothing_with_tofu() {
    links_in_a_repository_reach_nothing("tofu");
}
