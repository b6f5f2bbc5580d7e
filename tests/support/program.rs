//! Programs that a test writes itself.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::bounded::{end_of, output_of};

/// Writes an executable file, or replaces one in a single step.
///
/// Another process writes it: a file that this process has open for writing is also open in any child that another test
/// starts at that moment, and cannot be executed until that child has called exec.
#[track_caller]
pub(crate) fn write_program(program: &Path, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args([
            "-c",
            "cat >\"$0.new\" && chmod 755 \"$0.new\" && mv -f \"$0.new\" \"$0\"",
        ])
        .arg(program)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut stdin = writer.stdin.take().expect("stdin is a pipe");
    stdin.write_all(text.as_bytes()).expect("cat reads");
    drop(stdin);
    assert!(end_of(&mut writer).success(), "{}", program.display());
}

#[allow(dead_code, reason = "not every suite copies programs")]
/// Copies an executable file in another process, for the same reason.
#[track_caller]
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = output_of(Command::new("cp").arg(from).arg(to));
    assert!(copied.status.success(), "{copied:?}");
}

#[allow(dead_code, reason = "tests/faults needs it")]
/// Compiles a C program.
#[track_caller]
pub(crate) fn compile_program(program: &Path, source: &str) {
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-w", "-o"])
        .arg(program)
        .arg("-")
        .stdin(Stdio::piped())
        .spawn()
        .expect("a C compiler starts");
    let mut stdin = compiler.stdin.take().expect("stdin is a pipe");
    stdin.write_all(source.as_bytes()).expect("cc reads");
    drop(stdin);
    assert!(end_of(&mut compiler).success(), "{}", program.display());
}
