//! Sessions with real terraform and real tofu, from the source to the outputs.

#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/mod.rs"]
mod support;

/// One test a tool, named after the tool.
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

mod adversity;
mod approval;
mod crowd;
mod deploy;
mod holder;
mod logs;
mod operations;
mod recovery;
mod recovery_waiting;
mod retention;
mod stand;
mod stopping;
