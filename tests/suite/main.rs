//! The real binary against the real terraform and the real tofu.
//!
//! One binary, so that it links once. Each module holds rows: functions that say what must come out
//! of one event, and a macro that makes of each row a test for every tool, and for every place of
//! the state where that matters.

#[path = "../support/mod.rs"]
mod support;

/// Makes of each row a test for each tool.
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

/// Makes of each row a test for each tool with each place of the state.
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

mod attach;
mod basics;
mod disconnect;
mod environment;
mod full_disk;
mod lost_process;
mod rig;
mod secret_parts;
mod secrets;
mod state_fault;
mod stop;
mod stop_twice;
mod stream;
mod stubborn_tool;
