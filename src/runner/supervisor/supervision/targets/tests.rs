use super::*;

#[test]
fn the_tool_is_known_by_the_name_of_its_program() {
    let table = [
        ("terraform", true),
        ("terraform_1.11.4", true),
        ("terraform-1.11.4", true),
        ("terraform.real", true),
        (".terraform-wrapped", true),
        ("terraform1.11", true),
        ("terraform-provider-aws_v5.1.0_x5", false),
        ("terraformer", false),
        ("terragrunt", false),
        ("dash", false),
        ("tofu", false),
    ];
    for (name, wanted) in table {
        assert_eq!(is_tool(name, "terraform"), wanted, "{name}");
    }
}

/// The leader's group in all rows.
const GROUP: i32 = 10;

fn seen((pid, parent, group, program): (i32, i32, i32, &str)) -> Seen {
    let (program, name) = match program.split_at(1) {
        ("+", name) => (Program::Tool, name),
        ("-", name) => (Program::Other, name),
        _ => (Program::Unknown, program),
    };
    Seen {
        process: Process {
            pid,
            parent,
            group,
            started: BootTicks::of(u64::from(pid.cast_unsigned())),
            program: Some(name.to_owned()),
        },
        program,
    }
}

/// Processes as pid, parent, group, program; a process starts at the tick of its pid. A program that identifies
/// itself as the tool has a `+` before its name, one that identifies itself as another a `-`.
type Listed = &'static [(i32, i32, i32, &'static str)];

struct Row {
    name: &'static str,
    seen: Listed,
    had: Listed,
    /// When the leader's group got its SIGINT.
    group_at: Option<u64>,
    no_tool_for: u64,
    group: bool,
    pids: &'static [i32],
}

const ROWS: [Row; 17] = [
    Row {
        name: "the tool in a pipe, and no other part of the pipe",
        seen: &[
            (10, 1, 10, "dash"),
            (11, 10, 10, "terraform"),
            (12, 10, 10, "tee"),
        ],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "the tool in a group of its own",
        seen: &[(10, 1, 10, "bash"), (11, 10, 11, "terraform")],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "once",
        seen: &[(10, 1, 10, "bash"), (11, 10, 11, "terraform")],
        had: &[(11, 10, 11, "terraform")],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[],
    },
    Row {
        name: "what the tool has started is the tool's own to stop",
        seen: &[
            (10, 1, 10, "dash"),
            (11, 10, 10, "terraform"),
            (12, 11, 10, "dash"),
            (13, 12, 10, "terraform"),
        ],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "a nested tool that was left behind",
        seen: &[(10, 1, 10, "dash"), (13, 1, 10, "terraform")],
        had: &[(11, 10, 10, "terraform")],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[13],
    },
    Row {
        name: "a wrapper that tries again",
        seen: &[(10, 1, 10, "dash"), (14, 10, 10, "terraform")],
        had: &[(11, 10, 10, "terraform")],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[14],
    },
    Row {
        name: "no tool at all: everything, the leader's group as one",
        seen: &[
            (10, 1, 10, "python3.11"),
            (11, 10, 10, "sleep"),
            (12, 10, 12, "curl"),
        ],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: true,
        pids: &[12],
    },
    Row {
        name: "everything, once",
        seen: &[
            (10, 1, 10, "python3.11"),
            (11, 10, 10, "sleep"),
            (12, 10, 12, "curl"),
        ],
        had: &[(12, 10, 12, "curl")],
        group_at: Some(12),
        no_tool_for: 9000,
        group: false,
        pids: &[],
    },
    Row {
        name: "a wrapper that has not had its turn",
        seen: &[(10, 1, 10, "bash")],
        had: &[(11, 10, 10, "terraform")],
        group_at: None,
        no_tool_for: 4999,
        group: false,
        pids: &[],
    },
    Row {
        name: "a wrapper that has had it",
        seen: &[(10, 1, 10, "bash")],
        had: &[(11, 10, 10, "terraform")],
        group_at: None,
        no_tool_for: 5000,
        group: true,
        pids: &[],
    },
    Row {
        name: "a tool that was in the group when the group got it",
        seen: &[(10, 1, 10, "dash"), (11, 10, 10, "terraform")],
        had: &[],
        group_at: Some(11),
        no_tool_for: 0,
        group: false,
        pids: &[],
    },
    Row {
        name: "one that came into the group later, and one beside it",
        seen: &[
            (10, 1, 10, "dash"),
            (11, 10, 11, "terraform"),
            (15, 10, 10, "terraform"),
        ],
        had: &[],
        group_at: Some(12),
        no_tool_for: 0,
        group: false,
        pids: &[11, 15],
    },
    Row {
        name: "a wrapper with the tool's name",
        seen: &[(10, 1, 10, "terraform"), (11, 10, 10, "+terraform")],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "a version manager with the tool's name",
        seen: &[(10, 1, 10, "-terraform"), (11, 10, 10, "+terraform-1.11")],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "a version manager that has not started the tool yet",
        seen: &[(10, 1, 10, "-terraform"), (12, 10, 10, "curl")],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: true,
        pids: &[],
    },
    Row {
        name: "a tool of another name",
        seen: &[(10, 1, 10, "bash"), (11, 10, 10, "+tf")],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
    Row {
        name: "a nested tool below a tool that says what it is",
        seen: &[
            (10, 1, 10, "bash"),
            (11, 10, 10, "+terraform"),
            (12, 11, 10, "+terraform"),
        ],
        had: &[],
        group_at: None,
        no_tool_for: 0,
        group: false,
        pids: &[11],
    },
];

#[test]
fn each_tool_gets_one_sigint_and_wrappers_get_theirs_last() {
    for row in ROWS {
        let processes: Vec<Seen> = row.seen.iter().copied().map(seen).collect();
        let had = row.had.iter().copied().map(seen);
        let interrupted = Interrupted {
            processes: had.map(|seen| seen.process).collect(),
            had_tool: row.had.iter().any(|(.., name)| *name == "terraform"),
            group: row.group_at.map(|at| (GROUP, BootTicks::of(at))),
        };
        let view = ProcessSnapshot {
            processes: &processes,
            program: "terraform",
            is_proof_wanted: processes.iter().any(|seen| seen.program == Program::Tool),
            leader_group: GROUP,
            no_tool_for: Duration::from_millis(row.no_tool_for),
        };
        let targets = next_targets(&view, &interrupted);
        let pids: Vec<i32> = targets
            .processes
            .iter()
            .map(|&index| processes[index].process.pid)
            .collect();
        assert_eq!(
            (targets.group, pids.as_slice()),
            (row.group, row.pids),
            "{}",
            row.name
        );
    }
}
