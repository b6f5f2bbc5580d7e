//! Macros that turn one row into a test for each tool, and for each state backend.

/// Makes each row a test for each tool.
#[allow(unused_macros, reason = "not every test binary has rows")]
macro_rules! on_both_tools {
    ($($row:ident),+ $(,)?) => {
        mod terraform {
            use crate::support::tools::Tool;
            $(#[test] fn $row() { super::$row(Tool::Terraform); })+
        }
        mod tofu {
            use crate::support::tools::Tool;
            $(#[test] fn $row() { super::$row(Tool::Tofu); })+
        }
    };
}

/// Makes each row a test for each tool with each state backend.
#[allow(unused_macros, reason = "not every test binary has rows")]
macro_rules! on_both_tools_and_backends {
    ($($row:ident),+ $(,)?) => {
        on_both_tools_and_backends!(@tool terraform, Terraform, $($row),+);
        on_both_tools_and_backends!(@tool tofu, Tofu, $($row),+);
    };
    (@tool $module:ident, $tool:ident, $($row:ident),+) => {
        mod $module {
            mod local_state {
                use crate::support::{tools::Tool, workspace::Backend};
                $(#[test] fn $row() { super::super::$row(Tool::$tool, Backend::Local); })+
            }
            mod state_server {
                use crate::support::{tools::Tool, workspace::Backend};
                $(#[test] fn $row() { super::super::$row(Tool::$tool, Backend::Server); })+
            }
        }
    };
}
