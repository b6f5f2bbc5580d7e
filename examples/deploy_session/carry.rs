//! Follows a session from its first line to its last.

use std::time::Duration;

use chrono::Utc;
use iac_runner::session::{IllegalTransition, PlanDigest, Session, SessionError, Snapshot, Status};

use crate::arguments::Arguments;
use crate::interrupts::{Interrupts, Meaning};
use crate::question::{Answer, Question};
use crate::screen::Screen;

/// How often the elapsed time is updated.
const TICK: Duration = Duration::from_secs(1);
const CANCELLING: &str = "Cancelling: a command that runs is asked to stop, and writes its state. \
    Another Ctrl-C, in two seconds or later, kills it: what is in flight may then be missing in the \
    state, and its lock may stay held.";
const KILLING: &str =
    "Killing: what was in flight may be missing in the state, and its lock may stay held.";
const NO_TERMINAL: &str = "stdin is not a terminal, so no one can be asked";
const NO_DECISION: &str = "The plan is rejected: run this at a terminal, or with --auto-approve.";

/// Shows progress, asks for approval when needed, and returns when the session has ended.
///
/// # Errors
/// The session cannot continue in this process, and is left as it is.
pub(crate) async fn carry(
    session: &Session,
    arguments: &Arguments,
    interrupts: &mut Interrupts,
    screen: &mut Screen,
) -> Result<Snapshot, SessionError> {
    screen.say(&format!("Session {}", session.dir().display()));
    let mut logs = session.logs(0);
    let mut status = session.watch();
    let mut ticks = tokio::time::interval(TICK);
    let mut watch = Watch {
        session,
        arguments,
        screen,
        by: user(),
        question: None,
        shown: None,
    };
    // The present state of a recovered session is news as well.
    status.mark_changed();
    loop {
        tokio::select! {
            biased;
            meaning = interrupts.next() => watch.interrupt(meaning).await?,
            line = logs.next_line() => match line {
                Some(line) => watch.screen.log(&line),
                None => return session.wait().await,
            },
            Ok(()) = status.changed() => {
                let now = status.borrow_and_update().clone();
                // Lines logged before the plan are shown above it.
                while let Some(line) = logs.line_at_hand() {
                    watch.screen.log(&line);
                }
                watch.take_in(&now).await?;
            }
            answer = answer_to(&mut watch.question) => watch.answer(answer).await?,
            _ = ticks.tick() => watch.tell_time(),
        }
    }
}

/// The loop that follows a session on a screen.
struct Watch<'a> {
    session: &'a Session,
    arguments: &'a Arguments,
    screen: &'a mut Screen,
    /// Name under which decisions are made.
    by: String,
    /// The question that is not answered yet.
    question: Option<Question>,
    /// The plan that was shown.
    shown: Option<PlanDigest>,
}

impl Watch<'_> {
    async fn interrupt(&mut self, meaning: Meaning) -> Result<(), SessionError> {
        match meaning {
            Meaning::Cancel => {
                self.screen.say(&format!("\n{CANCELLING}"));
                obeyed(self.session.cancel(&self.by).await)
            }
            Meaning::Force => {
                self.screen.say(KILLING);
                obeyed(self.session.force_cancel(&self.by).await)
            }
            Meaning::Nothing => Ok(()),
        }
    }

    /// Shows a new plan, and asks for a decision.
    async fn take_in(&mut self, now: &Snapshot) -> Result<(), SessionError> {
        let is_new = now.plan_digest != self.shown;
        self.shown.clone_from(&now.plan_digest);
        if is_new && let Some(plan) = self.session.plan() {
            self.screen.say(&format!("\n{plan}"));
        }
        match (now.status, &now.plan_digest) {
            (Status::AwaitingApproval, Some(digest)) if is_new => self.decide(now, digest).await,
            (Status::AwaitingApproval, _) => Ok(()),
            (Status::Running | Status::Success | Status::Failed | Status::Cancelled, _) => {
                self.question = None;
                Ok(())
            }
        }
    }

    async fn decide(&mut self, now: &Snapshot, digest: &PlanDigest) -> Result<(), SessionError> {
        if self.arguments.auto_approve {
            // A new session approves by itself, because its request says so; this approval may come too late.
            return match self.arguments.recover {
                Some(_) => obeyed(
                    self.session
                        .approve(&self.by, "--auto-approve", digest)
                        .await,
                ),
                None => Ok(()),
            };
        }
        self.question = Question::put();
        if self.question.is_some() {
            self.screen.ask(&asked(now));
            return Ok(());
        }
        self.screen.say(&format!("{NO_TERMINAL}. {NO_DECISION}"));
        obeyed(self.session.reject(&self.by, NO_TERMINAL).await)
    }

    async fn answer(&mut self, answer: Answer) -> Result<(), SessionError> {
        match (answer, &self.shown) {
            (Answer::Unclear, _) => {
                self.screen.ask("Please answer y or n: ");
                return Ok(());
            }
            (Answer::Yes, Some(digest)) => {
                self.question = None;
                return obeyed(self.session.approve(&self.by, "", digest).await);
            }
            // The user has not ended the line.
            (Answer::End, _) => self.screen.say(""),
            (Answer::No, _) | (Answer::Yes, None) => {}
        }
        self.question = None;
        obeyed(self.session.reject(&self.by, "").await)
    }

    /// Shows how long the phase has taken, unless a question is in that line.
    fn tell_time(&mut self) {
        let now = self.session.status();
        let phase = now.phases.last().filter(|it| it.ended_at.is_none());
        if let (Some(phase), None) = (phase, &self.question) {
            let elapsed = Utc::now() - phase.started_at;
            let elapsed = elapsed.to_std().unwrap_or_default();
            self.screen.tell_time(now.phase, elapsed);
        }
    }
}

/// A decision that comes too late is not an error: the end of the session is reported in any case.
fn obeyed(done: Result<(), SessionError>) -> Result<(), SessionError> {
    match done {
        Err(SessionError::Illegal(
            IllegalTransition::Finished { .. } | IllegalTransition::AlreadyDecided,
        )) => Ok(()),
        other => other,
    }
}

async fn answer_to(question: &mut Option<Question>) -> Answer {
    match question {
        Some(question) => question.answer().await,
        None => std::future::pending().await,
    }
}

fn asked(now: &Snapshot) -> String {
    let tool = now.tool.program();
    format!("\nIs {tool} to carry out this plan? [y/n] ")
}

/// Returns the name of the user who decides.
fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "deploy_session".to_owned())
}
