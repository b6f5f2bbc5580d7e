//! Decides which processes get the one SIGINT of a stop, and sends it.

use std::time::Duration;

use tokio::time::Instant;

use super::leader_end::ToolLife;
use super::program_files::ProgramFiles;
use super::targets::{Interrupted, ProcessSnapshot, Seen, Targets, WRAPPER_TURN, next_targets};
use crate::process::ToolGroup;
use crate::runner::command::leader::{Leader, Program};

/// How often a stopping wrapper is checked: it may start the tool only now.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the remaining processes without the tool may take to end after their SIGINT.
const LAST_TURN: Duration = Duration::from_secs(2);
/// Longest time that a nested run gets to end by itself after the tool was interrupted and has ended.
const MAX_NESTED_TURN: Duration = Duration::from_secs(30);

/// Sends the SIGINT, and records which processes have received it.
///
/// If the tool was started directly, its whole process group gets it. Behind a wrapper only the tool gets it: a
/// shell would die of it and leave the tool behind, `tee` would die and take the tool's stdout with it, and a
/// wrapper that forwards signals would make it two.
#[derive(Debug)]
pub(crate) struct Interruption {
    /// Name of the tool's program.
    program: &'static str,
    leader: Leader,
    /// Name of the leader's program when its file was last read.
    leader_program: Option<String>,
    files: ProgramFiles,
    has_leader_ended: bool,
    interrupted: Interrupted,
    /// Whether a process that runs the tool was interrupted behind a wrapper.
    reached_tool: bool,
    next_look: Option<Instant>,
    /// Since when no process runs the tool.
    no_tool_since: Option<Instant>,
    /// How long nested runs may take to end by themselves, and until when that is.
    nested_turn: Duration,
    nested_turn_end: Option<Instant>,
}

impl Interruption {
    pub(crate) fn new(program: &'static str, leader: Leader, grace: Duration) -> Self {
        Self {
            program,
            leader,
            leader_program: None,
            files: ProgramFiles::default(),
            has_leader_ended: false,
            interrupted: Interrupted::default(),
            reached_tool: false,
            next_look: None,
            no_tool_since: None,
            nested_turn: (grace / 2).min(MAX_NESTED_TURN),
            nested_turn_end: None,
        }
    }

    /// Returns the kind of the group's leader: a script may have become the tool since the last check.
    pub(crate) fn leader(&mut self, tool: &ToolGroup) -> Leader {
        if self.leader == Leader::Wrapper
            && let Some(name) = tool.leader_program()
            && self.leader_program.as_ref() != Some(&name)
        {
            self.leader_program = Some(name);
            if let Ok(file) = tool.leader_program_file()
                && self.files.program(&file) == Program::Tool
            {
                self.leader = Leader::Tool;
            }
        }
        self.leader
    }

    /// Returns the kind of the group's leader at the last check.
    pub(crate) const fn last_leader(&self) -> Leader {
        self.leader
    }

    /// Returns whether a process that runs the tool was interrupted behind a wrapper.
    pub(crate) const fn reached_tool(&self) -> bool {
        self.reached_tool
    }

    /// Returns whether a process that runs the tool is alive, wherever it is below this process.
    pub(crate) fn tool_life(&mut self, tool: &ToolGroup) -> ToolLife {
        let processes = self.files.processes();
        if processes.is_empty() {
            return ToolLife::Hidden;
        }
        match self
            .targets(&processes, tool, Duration::ZERO)
            .is_any_tool_alive
        {
            true => ToolLife::Runs,
            false => ToolLife::NotSeen,
        }
    }

    /// Returns whether the tool was stopped and has ended, and all processes that it left behind have received
    /// their SIGINT and had some time.
    pub(crate) fn is_without_tool(&self, now: Instant) -> bool {
        let is_over = |since| now.duration_since(since) >= WRAPPER_TURN + LAST_TURN;
        self.interrupted.had_tool && self.no_tool_since.is_some_and(is_over)
    }

    /// Returns when to call [`Interruption::look`] next.
    pub(crate) const fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Interrupts the tool; returns the processes that may not be signalled.
    ///
    /// With `is_heard` the tool has reported that it received a signal: another one would be its second, and it
    /// would abandon its state.
    pub(crate) fn begin(&mut self, tool: &mut ToolGroup, is_heard: bool, now: Instant) -> Vec<i32> {
        let is_direct = self.leader(tool) == Leader::Tool && !self.has_leader_ended;
        match (is_direct, is_heard) {
            (true, true) => {
                tool.count_as_interrupted();
                self.count_all(tool);
                Vec::new()
            }
            (true, false) => interrupt_group(tool),
            (false, true) => {
                self.count_all(tool);
                self.next_look = Some(now + LOOK_EVERY);
                Vec::new()
            }
            (false, false) => self.look(tool, now),
        }
    }

    /// Records that the leader has ended: the rest of the run continues without it.
    ///
    /// A run that a provisioner has started in a group of its own may have been interrupted already, by the program
    /// that started it and got the SIGINT of the group. Its second signal would cost its state, so it first gets time
    /// to end by itself.
    pub(crate) fn leader_ended(&mut self, tool: &ToolGroup, now: Instant) {
        self.has_leader_ended = true;
        let was_interrupted = tool.interrupted_at().is_some();
        self.nested_turn_end = was_interrupted.then(|| now + self.nested_turn);
        if was_interrupted || self.next_look.is_some() {
            self.next_look = Some(now + LOOK_EVERY);
        }
    }

    /// Interrupts the processes that have to be interrupted by now.
    pub(crate) fn look(&mut self, tool: &mut ToolGroup, now: Instant) -> Vec<i32> {
        self.next_look = Some(now + LOOK_EVERY);
        let processes = self.files.processes();
        let no_tool_for = self.no_tool_since.map(|since| now.duration_since(since));
        let targets = self.targets(&processes, tool, no_tool_for.unwrap_or_default());
        if targets.is_any_tool_alive {
            self.no_tool_since = None;
        } else {
            self.no_tool_since.get_or_insert(now);
        }
        if targets.is_any_tool_alive && self.nested_turn_end.is_some_and(|end| now < end) {
            self.interrupted.had_tool = true;
            return Vec::new();
        }
        self.send(&targets, &processes, tool)
    }

    fn send(&mut self, targets: &Targets, processes: &[Seen], tool: &mut ToolGroup) -> Vec<i32> {
        let mut refusing = Vec::new();
        if targets.group {
            refusing.extend(interrupt_group(tool));
        }
        let chosen = targets.processes.iter().map(|&index| &processes[index]);
        for process in chosen.map(|seen| &seen.process) {
            match process.interrupt() {
                Err(fault) if fault.kind() == std::io::ErrorKind::PermissionDenied => {
                    refusing.push(process.pid);
                }
                // It has ended by itself.
                Ok(()) | Err(_) => {}
            }
            self.interrupted.processes.push(process.clone());
        }
        if targets.is_any_tool_alive {
            // A stopped wrapper would never notice that its tool has ended.
            tool.resume();
            self.reached_tool |= !targets.processes.is_empty();
            self.interrupted.had_tool = true;
        }
        refusing
    }

    /// Records that another process has interrupted everything that is running now.
    fn count_all(&mut self, tool: &mut ToolGroup) {
        let processes = self.files.processes();
        let targets = self.targets(&processes, tool, Duration::ZERO);
        if !targets.is_any_tool_alive {
            tool.count_as_interrupted();
        }
        self.interrupted.had_tool |= targets.is_any_tool_alive;
        let processes = processes.into_iter().map(|seen| seen.process);
        self.interrupted.processes.extend(processes);
    }

    fn targets(&mut self, processes: &[Seen], tool: &ToolGroup, no_tool_for: Duration) -> Targets {
        self.interrupted.group = tool.interrupted_at().map(|at| (tool.pid(), at));
        let view = ProcessSnapshot {
            processes,
            program: self.program,
            is_proof_wanted: self.files.has_seen_tool,
            leader_group: tool.pid(),
            no_tool_for,
        };
        next_targets(&view, &self.interrupted)
    }
}

fn interrupt_group(tool: &mut ToolGroup) -> Vec<i32> {
    match tool.interrupt() {
        Err(fault) if fault.kind() == std::io::ErrorKind::PermissionDenied => vec![tool.pid()],
        Ok(()) | Err(_) => Vec::new(),
    }
}
