//! `iac-runner cancel`: stops a run from another process.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

use crate::process::{
    ProcessIdentity, Sighting, SignalledRequest, Unproven, deliver, resume_supervisor, within,
};
use crate::protocol::{Control, exit_status};
use crate::runner::messages::wording::of_system;
use crate::runner::run_dir::{
    CONTROL_ACCEPTED, Introduction, NoRecord, RESULT, Record, RecordState,
};

/// How long a run may take to create its record, to lock it and to listen: a backend may cancel right after it
/// started the runner.
const START: Duration = Duration::from_secs(2);
/// Pause between two checks of a record that is being created.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the supervisor may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The result of a request to stop a run, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Cancelled {
    /// Whether the supervisor was notified.
    pub(crate) requested: bool,
    /// Process id of the supervisor in its PID namespace, if it is alive and known.
    supervisor_pid: Option<i32>,
    run_dir: PathBuf,
    /// One sentence.
    pub(crate) message: String,
}

/// The state of the run, and what was done.
#[derive(Debug)]
enum Finding {
    /// The supervisor has accepted the order.
    Accepted,
    /// The supervisor got the order but did not answer: it may be stopped.
    Unanswered,
    /// The supervisor was sent a signal: it has no socket.
    Signalled,
    /// The supervisor was sent a signal: its socket was removed.
    SocketRemoved,
    /// The run has ended and has a result.
    Ended,
    /// The supervisor is gone without a result.
    Lost,
    /// The supervisor holds its lock but does not listen any more.
    Ending,
    /// The supervisor holds the lock but has not identified itself yet.
    Starting,
    /// The supervisor does not listen, and its process cannot be identified with certainty.
    Unproven(Unproven),
}

/// How long to wait for a disk that hangs.
const HANGS: Duration = Duration::from_secs(15);

/// Why a run could not be asked to stop.
#[derive(Debug, Error)]
pub(crate) enum CancelError {
    #[error(transparent)]
    NoRecord(#[from] NoRecord),
    #[error("nothing was sent: {}", of_system(.0))]
    System(#[from] io::Error),
    #[error(
        "the disk of `{run_dir}` has not answered for {} s; find `iac-supervisor` with ps and send it SIGUSR1",
        HANGS.as_secs()
    )]
    DiskHangs { run_dir: PathBuf },
}

impl CancelError {
    /// Returns the exit status of `iac-runner cancel`.
    pub(crate) const fn exit_status(&self) -> u8 {
        match self {
            Self::NoRecord(fault) if !fault.is_denied() => exit_status::INVALID,
            Self::NoRecord(_) | Self::System(_) | Self::DiskHangs { .. } => {
                exit_status::INTERNAL_FAULT
            }
        }
    }
}

/// Asks the supervisor of the run in a directory to stop it.
pub(crate) fn request_within(run_dir: &Path, force: bool) -> Result<Cancelled, CancelError> {
    let of_thread = run_dir.to_owned();
    let answer = within(HANGS, move || {
        let record = open(&of_thread)?;
        Ok(request(&record, force)?)
    });
    answer.unwrap_or_else(|| {
        Err(CancelError::DiskHangs {
            run_dir: run_dir.to_owned(),
        })
    })
}

/// Opens a record; waits briefly for one that is being created.
fn open(run_dir: &Path) -> Result<Record, NoRecord> {
    let deadline = Instant::now() + START;
    loop {
        match Record::open(run_dir) {
            Err(fault) if fault.may_come() && Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Asks the supervisor of a run to stop it; does not wait for the stop.
fn request(record: &Record, force: bool) -> io::Result<Cancelled> {
    let deadline = Instant::now() + START;
    let finding = loop {
        match attempt(record, force)? {
            Finding::Starting | Finding::Ending if Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            finding => break finding,
        }
    };
    let finding = match (finding, record.introduction()?) {
        (Finding::Ending, Introduction::Of(supervisor, true)) if !record.has_socket() => {
            match signal(record, &supervisor, force)? {
                Finding::Signalled => Finding::SocketRemoved,
                finding => finding,
            }
        }
        (finding, _) => finding,
    };
    let is_alive = !matches!(finding, Finding::Ended | Finding::Lost);
    Ok(Cancelled {
        requested: matches!(
            finding,
            Finding::Accepted | Finding::Unanswered | Finding::Signalled | Finding::SocketRemoved
        ),
        supervisor_pid: record.supervisor_pid()?.filter(|_| is_alive),
        run_dir: record.path().to_owned(),
        message: message(&finding, force),
    })
}

fn attempt(record: &Record, force: bool) -> io::Result<Finding> {
    if record.state()? == RecordState::Over {
        return Ok(match record.read(RESULT)? {
            Some(_) => Finding::Ended,
            None => Finding::Lost,
        });
    }
    let introduction = record.introduction()?;
    match record.connect() {
        Ok(socket) => {
            resume(record, &introduction);
            return hand_over(socket, force);
        }
        // The supervisor no longer listens there, or not yet.
        Err(fault)
            if matches!(
                fault.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) => {}
        Err(fault) => return Err(fault),
    }
    match introduction {
        Introduction::Missing => Ok(Finding::Starting),
        Introduction::Of(_, true) => Ok(Finding::Ending),
        Introduction::Of(supervisor, false) => signal(record, &supervisor, force),
    }
}

/// Continues a stopped supervisor (SIGSTOP), if its process is identified with certainty: it accepts no order
/// before.
fn resume(record: &Record, introduction: &Introduction) {
    if let Introduction::Of(supervisor, _) = introduction
        && let Ok(proven) = supervisor.prove(record.lock_file())
    {
        // If it cannot be resumed, it may not be stopped: its answer shows that.
        let _ = resume_supervisor(&proven);
    }
}

/// Sends the order to the supervisor; the process that listens on its socket is the supervisor.
fn hand_over(mut socket: UnixStream, force: bool) -> io::Result<Finding> {
    socket.set_read_timeout(Some(ANSWER))?;
    socket.set_write_timeout(Some(ANSWER))?;
    let order = serde_json::to_string(&Control::Cancel { force })?;
    let sent = writeln!(socket, "{order}").and_then(|()| socket.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let answered = sent.and_then(|()| socket.read_to_end(&mut answer));
    Ok(match answered {
        Ok(_) if answer == CONTROL_ACCEPTED => Finding::Accepted,
        Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => Finding::Unanswered,
        // It closed the socket instead: the run has just ended.
        Ok(_) | Err(_) => Finding::Ending,
    })
}

/// Sends a signal if the file system has no sockets, to a process that is proven to be the supervisor.
fn signal(record: &Record, supervisor: &ProcessIdentity, force: bool) -> io::Result<Finding> {
    let what = match force {
        true => SignalledRequest::Force,
        false => SignalledRequest::Cancel,
    };
    match supervisor.prove(record.lock_file()) {
        Ok(proven) => deliver(&proven, what).map(|()| Finding::Signalled),
        Err(why) => Ok(Finding::Unproven(why)),
    }
}

/// Returns one sentence about the finding and the action.
fn message(finding: &Finding, force: bool) -> String {
    let what = match force {
        true => "to end the tool at once",
        false => "to stop the tool gracefully",
    };
    match finding {
        Finding::Accepted | Finding::Signalled => format!("the supervisor was told {what}"),
        Finding::Unanswered => format!(
            "the supervisor was told {what} and has not confirmed it within {} s: it may be stopped or busy, \
             and obeys once it continues",
            ANSWER.as_secs()
        ),
        Finding::SocketRemoved => format!(
            "the socket of the run was removed from its directory; the supervisor was told by a signal {what}, and obeys \
             unless the run has just ended"
        ),
        Finding::Ended => "the run has ended; `iac-runner attach` prints its result".to_owned(),
        Finding::Lost => {
            "the supervisor of the run was lost and cannot be told; `iac-runner attach` prints what is \
             known, and whether the tool still runs"
                .to_owned()
        }
        Finding::Ending => {
            "the run has just ended; its supervisor takes no more orders, and is still writing the record"
                .to_owned()
        }
        Finding::Starting => format!(
            "nothing was sent: a process holds the lock of the run and has not said within {} s who it is; \
             its supervisor may be starting on a slow disk, then try again, or be of another version of \
             iac-runner, then send SIGUSR1 to its `iac-supervisor`",
            START.as_secs()
        ),
        Finding::Unproven(why) => format!("nothing was sent: {}", reason(why)),
    }
}

/// Returns why a process is not accepted as the supervisor, and what to do.
fn reason(why: &Unproven) -> String {
    match why {
        Unproven::NotSeen(Sighting::OtherNamespace) => {
            "the supervisor runs in another PID namespace, such as a container; run `iac-runner cancel` \
             there (`docker exec`, `kubectl exec`, `nsenter`)"
                .to_owned()
        }
        Unproven::NotSeen(Sighting::OtherBoot) => {
            "the supervisor runs on another machine; run `iac-runner cancel` there".to_owned()
        }
        Unproven::NotSeen(Sighting::Gone) | Unproven::AnotherHolder => {
            "the process that the run directory names is not the one that holds its lock; see `lsof` for \
             who does"
                .to_owned()
        }
        Unproven::NotSeen(Sighting::Unknown | Sighting::Alive) => {
            "`/proc` does not tell which process the supervisor is; find `iac-supervisor` with ps and send \
             it SIGUSR1"
                .to_owned()
        }
        Unproven::FilesNotShown(fault) => format!(
            "the files of the supervisor are not shown: {}; run `iac-runner cancel` as its user or as root",
            of_system(fault)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sent_is_said_with_what_to_do() {
        let unproven = |why| message(&Finding::Unproven(why), false);
        let table = [
            (
                unproven(Unproven::NotSeen(Sighting::OtherNamespace)),
                "docker exec",
            ),
            (
                unproven(Unproven::NotSeen(Sighting::OtherBoot)),
                "another machine",
            ),
            (unproven(Unproven::NotSeen(Sighting::Gone)), "lsof"),
            (unproven(Unproven::AnotherHolder), "lsof"),
            (unproven(Unproven::NotSeen(Sighting::Unknown)), "SIGUSR1"),
            (
                unproven(Unproven::FilesNotShown(io::Error::from_raw_os_error(
                    libc::EACCES,
                ))),
                "as root",
            ),
            (message(&Finding::Starting, false), "try again"),
        ];
        for (sentence, says) in table {
            assert!(sentence.starts_with("nothing was sent: "), "{sentence}");
            assert!(sentence.contains(says), "{sentence}");
        }
    }
}
