//! Carries one run to its end, whatever becomes of the runner that shows it.

use std::io;

use tokio::sync::watch;

use super::job::{Job, sentence};
use crate::client::{ClientError, Run, RunEvent};
use crate::protocol::{Event, Request, RunResult};
use crate::session::log::RunLines;
use crate::session::state::Stop;

/// How often a run is attached to again when what shows it breaks off.
const MAX_ATTACHES: u32 = 5;

/// How a run came out.
#[derive(Debug)]
pub(super) enum Followed {
    /// There is a result.
    Ended(Box<RunResult>),
    /// It was announced and never begun, and now it cannot begin any more.
    NeverBegun,
    /// The runner could not be started: nothing ran.
    NotStarted(String),
    /// It cannot be known how it ended.
    Lost(String),
}

impl Job {
    /// Carries a run with a run directory to its end: one that this request begins, or, without one, a run
    /// that a former process began or was about to begin.
    ///
    /// Should the runner's front go away, the supervisor carries the run on, and it is attached to.
    pub(super) async fn follow_run(&self, begin: Option<Request>, run: &str) -> Followed {
        let mut handle = match begin {
            Some(mut request) => {
                request.run_dir = Some(self.place.run(run));
                match self.settings.runner.spawn(&self.masked(request)) {
                    Ok(handle) => handle,
                    Err(fault) => return Followed::NotStarted(sentence(&fault)),
                }
            }
            None => match self.take_up(run) {
                Ok(Some(handle)) => handle,
                Ok(None) => return Followed::NeverBegun,
                Err(fault) => return Followed::Lost(fault),
            },
        };
        let mut lines = RunLines::new(run.to_owned(), self.log.lines_of(run));
        let mut last = String::new();
        for _ in 0..MAX_ATTACHES {
            match self.follow(handle, &mut lines).await {
                Ok(result) => {
                    let last_line = lines.finish();
                    self.log.add(self.phase, Some(lines.run()), &last_line);
                    return Followed::Ended(Box::new(result));
                }
                Err(fault) => last = sentence(&fault),
            }
            self.say(&format!("[lost sight of the run, looking for it: {last}]"));
            handle = match self.take_up(run) {
                Ok(Some(handle)) => handle,
                // The runner ended before it had made the record without which it starts nothing.
                Ok(None) => return Followed::NotStarted(last),
                Err(fault) => return Followed::Lost(fault),
            };
            lines = RunLines::new(run.to_owned(), self.log.lines_of(run));
        }
        Followed::Lost(last)
    }

    /// Runs a command that changes nothing and whose output is read, not logged.
    pub(super) async fn read(&self, request: Request) -> Result<RunResult, ClientError> {
        let run = self.settings.runner.spawn(&self.masked(request))?;
        let canceller = run.canceller();
        let mut stop = self.stop.clone();
        let mut given = None;
        let mut wait = std::pin::pin!(run.wait());
        loop {
            tokio::select! {
                result = &mut wait => return result,
                wanted = harder(&mut stop, given) => {
                    canceller.cancel();
                    if wanted == Stop::Force {
                        canceller.force();
                    }
                    given = Some(wanted);
                }
            }
        }
    }

    /// Attaches to a run that was begun; none if it was not, and then it never will be.
    fn take_up(&self, run: &str) -> Result<Option<Run>, String> {
        let never_begun = self.place.fence(run).map_err(|fault: io::Error| {
            format!("the run directory of `{run}` cannot be looked into: {fault}")
        })?;
        if never_begun {
            return Ok(None);
        }
        self.settings
            .runner
            .attach(self.place.run(run))
            .map(Some)
            .map_err(|fault| sentence(&fault))
    }

    async fn follow(&self, mut run: Run, lines: &mut RunLines) -> Result<RunResult, ClientError> {
        let canceller = run.canceller();
        let mut stop = self.stop.clone();
        let mut given = None;
        loop {
            tokio::select! {
                event = run.next_event() => match event {
                    Some(event) => self.log_event(&event, lines),
                    None => return run.wait().await,
                },
                wanted = harder(&mut stop, given) => {
                    match wanted {
                        Stop::Cancel => canceller.cancel(),
                        Stop::Force => canceller.force(),
                    }
                    given = Some(wanted);
                }
            }
        }
    }

    fn log_event(&self, event: &RunEvent, lines: &mut RunLines) {
        match event {
            RunEvent::Known(Event::Output { text, .. }) => {
                let new = lines.push(text);
                self.log.add(self.phase, Some(lines.run()), &new);
            }
            RunEvent::Known(Event::Warning { message, .. }) => {
                // As part of what the run prints, so that it is counted like any of its lines.
                let new = lines.warn(message);
                self.log.add(self.phase, Some(lines.run()), &new);
            }
            RunEvent::StopFailed { message } => self.say(&format!("[{message}]")),
            RunEvent::Known(
                Event::Started { .. } | Event::Stopping { .. } | Event::Result { .. },
            )
            | RunEvent::Other { .. } => {}
        }
    }
}

/// Waits until the session is to stop harder than it was told to stop before.
async fn harder(stop: &mut watch::Receiver<Option<Stop>>, given: Option<Stop>) -> Stop {
    match stop.wait_for(|wanted| *wanted > given).await.map(|it| *it) {
        Ok(Some(wanted)) => wanted,
        // Nobody is left who could want it.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}
