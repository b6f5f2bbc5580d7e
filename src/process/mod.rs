//! The only place that forks, spawns, waits, signals and reaps.
//!
//! Knows nothing of terraform and imports nothing of ours. All `unsafe` of the crate is here, each
//! block with the reason why it is sound.
#![allow(unsafe_code)]

mod descendants;
mod fork;
mod group;
mod handed;
mod inheritance;
mod kept_group;
mod memory;
mod orphans;
mod probe;
mod signals;
mod stack;
mod stdio;
mod watch;

pub use descendants::{BootTicks, Process, descendants};
pub use fork::{SUPERVISOR_NAME, Side, fork_supervisor};
pub use group::{Ended, Launch, ToolGroup};
pub use handed::Handed;
pub use inheritance::{Limits, limits, stand_alone};
pub use kept_group::{KeptGroup, Started};
pub use memory::{memory_file, reopen_for_append};
pub use orphans::{SurvivalCause, Survivor, Survivors};
pub use probe::{Probed, probe};
pub use signals::{ChildSignals, OwnSignal, OwnSignals, Request as SignalledRequest, deliver};
pub use stack::on_enough_stack;
pub use stdio::{Input, Output, terminal_is_gone, terminal_is_open};
pub use watch::{FileWatch, Urgency};
