//! A person starts the runner and types nothing.

use std::io::{self, Read};

use crate::support::runner::Launch;
use crate::support::terminal::Terminal;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_terminal_without_input_is_told_what_to_type,
}

fn a_terminal_without_input_is_told_what_to_type(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let mut terminal = Terminal::open();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let runner = Launch::new(&workspace, &[])
        .stdin(terminal.slave())
        .stderr(writer)
        .start();
    let mut told = Vec::new();
    while !told.contains(&b'\n') {
        let mut piece = [0; 4096];
        let len = reader.read(&mut piece).expect("a pipe");
        assert!(len > 0, "stderr ended");
        told.extend_from_slice(&piece[..len]);
    }
    let told = String::from_utf8(told).expect("text");
    assert!(told.contains("\"command\":\"version\""), "{told}");
    terminal.type_in(&format!("{}\n", workspace.request("version", &[])));
    let ending = runner.end();
    ending.assert_outcome(&ending.result(), "succeeded");
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "", "one line is enough");
}
