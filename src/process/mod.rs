//! The only module that forks, spawns, waits, signals and reaps.
//!
//! Knows nothing about terraform and imports nothing else of this crate. All `unsafe` code of the crate is here;
//! each block explains why it is sound.
#![allow(unsafe_code)]

mod bounded;
mod closed_stdio;
mod containment;
mod descendants;
mod entry_watch;
mod fork;
mod group;
mod handed;
mod identity;
mod inheritance;
mod kept_group;
mod memory;
mod memory_limit;
mod orphans;
mod owner_access;
mod pidfd;
mod polled;
mod print;
mod probe;
mod remove_tree;
mod sandbox;
mod secrets;
mod signals;
mod stack;
mod stdio;
mod watch;
mod write_now;

pub use bounded::within;
pub use containment::{contains, will_contain};
pub use descendants::{BootTicks, Process, descendants};
pub use entry_watch::EntryWatch;
pub use fork::{SUPERVISOR_NAME, Side, fork_supervisor};
pub use group::{Ended, Launch, ToolGroup};
pub use handed::Handed;
pub use identity::{ProcessIdentity, ProvenProcess, Sighting, Unproven, start_time};
pub use inheritance::{Limits, limits, process_limit, stand_alone, user_id};
pub use kept_group::{KeptGroup, Started};
pub use memory::{forbid_cutting, memory_file, reopen_for_append};
pub use memory_limit::memory_limit;
pub use orphans::{SurvivalCause, Survivor, Survivors};
pub use owner_access::{restore_owner_access, restore_owner_access_below};
pub use pidfd::wait_for_child;
pub use print::{Printer, print};
pub use probe::{Probed, probe};
pub use remove_tree::remove_tree;
pub use sandbox::{
    Access, Granted, LANDLOCK_COMPLETE, LANDLOCK_USABLE, Ruleset, Sandbox, landlock_abi,
    system_paths,
};
pub use secrets::{erase_variables, forbid_dumps};
pub use signals::{
    ChildSignals, OwnSignal, OwnSignals, Request as SignalledRequest, deliver,
    let_stop_signals_end, resume_child, resume_supervisor,
};
pub use stack::on_enough_stack;
pub use stdio::{Input, Output, terminal_is_gone, terminal_is_open};
pub use watch::{FileWatch, Urgency};
pub use write_now::write_now;
