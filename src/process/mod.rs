//! The only module that forks, spawns, waits, signals and reaps.
//!
//! Knows nothing about terraform and imports nothing else of this crate. All `unsafe` code of the crate is here;
//! each block explains why it is sound.
#![allow(unsafe_code)]

mod files;
mod fork;
mod group;
mod identity;
mod memory;
mod owned_process_group;
mod probe;
mod sandbox;
mod sanitize;
mod secrets;
mod signals;
mod stack;
mod stdio;

pub use self::files::bounded::within;
pub use self::files::containment::{contains, will_contain};
pub use self::files::entry_watch::EntryWatch;
pub use self::files::file_id::FileId;
pub use self::files::file_watch::{FileWatch, Urgency};
pub use self::files::owner_access::{
    metadata_of_own, restore_owner_access, restore_owner_access_below,
};
pub use self::files::remove_tree::remove_tree;
pub use self::group::descendants::{BootTicks, Process, descendants};
pub use self::group::orphans::{SurvivalCause, Survivor, Survivors};
pub use self::identity::pidfd::wait_for_child;
pub use self::memory::inherited_memfd::InheritedMemfd;
pub use self::memory::memory_file::{forbid_cutting, memory_file, reopen_for_append};
pub use self::memory::memory_limit::memory_limit;
pub use self::owned_process_group::{OwnedProcessGroup, StartedGroup};
pub use self::sanitize::{ResourceLimits, limits, process_limit, stand_alone, user_id};
pub use self::stdio::print::{Printer, print};
pub use self::stdio::write_now::write_now;
pub use fork::{SUPERVISOR_NAME, Side, fork_supervisor};
pub use group::{Ended, Launch, ToolGroup};
pub use identity::{ProcessIdentity, ProvenProcess, Sighting, Unproven, boot_id, start_time};
pub use probe::{Probed, probe};
pub use sandbox::{
    Access, Granted, LANDLOCK_COMPLETE, LANDLOCK_TCP, LANDLOCK_USABLE, Ruleset, Sandbox,
    landlock_abi, system_paths,
};
pub use secrets::{erase_variables, forbid_dumps};
pub use signals::{
    ChildSignals, OwnSignal, OwnSignals, Request as SignalledRequest, deliver,
    let_stop_signals_end, resume_child, resume_supervisor,
};
pub use stack::on_enough_stack;
pub use stdio::{Input, Output, terminal_is_gone, terminal_is_open};
