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

mod approval;
mod faults;
mod recovery;
mod runs;
mod sources;
mod test_env;

use support::{bounded, served_router, waiting};
