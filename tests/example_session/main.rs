//! `examples/deploy_session`, used by a person at a terminal and by a script without one.

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

mod answers;
mod call;
mod interrupts;
mod killed;
mod project;
mod scripts;
