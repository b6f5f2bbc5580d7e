//! Sessions with real terraform and real tofu, from the source to the outputs.

#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/mod.rs"]
mod support;

/// One test per tool, named after the tool.
macro_rules! on_both_tools {
    ($name:ident) => {
        mod $name {
            #[test]
            fn terraform() {
                super::$name(crate::support::tools::Tool::Terraform);
            }

            #[test]
            fn tofu() {
                super::$name(crate::support::tools::Tool::Tofu);
            }
        }
    };
}

#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../checkout/http_server.rs"]
mod http_server;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../checkout/processes.rs"]
mod processes;
#[allow(dead_code, reason = "the registry's own tests need all of it")]
#[path = "../registry/registry_server.rs"]
mod registry_server;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../checkout/repository.rs"]
mod repository;
#[allow(dead_code, reason = "the checkout's own tests need all of it")]
#[path = "../checkout/ssh_server.rs"]
mod ssh_server;

mod adversity;
mod approval;
mod attaching;
mod checkout_stand;
mod cloning;
mod crowd;
mod deploy;
mod disk_stand;
mod drift;
mod files;
mod format_words;
mod from_git;
mod from_mirror;
mod from_registry;
mod holder;
mod isolation;
mod journal;
mod logs;
mod noisy_tools;
mod operations;
mod planning;
mod private_modules;
mod recovery;
mod recovery_of_operations;
mod recovery_waiting;
mod repository_contents;
mod retention;
mod run_processes;
mod sandbox;
mod shown_while_applied;
mod stand;
mod stopping;
mod tampering;
mod variables;

use support::{bounded, waiting};
