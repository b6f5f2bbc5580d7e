//! The session, from its first line to its last.

use std::time::Duration;

use chrono::Utc;
use iac_runner::session::{IllegalTransition, PlanDigest, Session, SessionError, Snapshot, Status};

use crate::arguments::Arguments;
use crate::interrupts::{Interrupts, Meaning};
use crate::question::{Answer, Question};
use crate::screen::Screen;

/// How often the time is told.
const TICK: Duration = Duration::from_secs(1);
const CANCELLING: &str = "Cancelling: a command that runs is asked to stop, and writes its state. \
    Another Ctrl-C, in two seconds or later, kills it: what is in flight may then be missing in the \
    state, and its lock may stay held.";
const KILLING: &str =
    "Killing: what was in flight may be missing in the state, and its lock may stay held.";
const NOBODY: &str = "stdin is no terminal, so nobody can be asked";
const NOBODY_AT_ALL: &str = "The plan is rejected: run this at a terminal, or with --auto-approve.";

/// Shows what happens, asks what has to be asked, and returns when the session is over.
///
/// # Errors
/// The session cannot go on in this process, and is left as it is.
pub(crate) async fn carry(
    session: &Session,
    arguments: &Arguments,
    interrupts: &mut Interrupts,
    screen: &mut Screen,
) -> Result<Snapshot, SessionError> {
    screen.say(&format!("Session {}", session.dir().display()));
    let by = user();
    let mut logs = session.logs(0);
    let mut status = session.watch();
    let mut ticks = tokio::time::interval(TICK);
    let mut question: Option<Question> = None;
    let mut shown: Option<PlanDigest> = None;
    let mut is_decided = false;
    status.mark_changed();
    loop {
        tokio::select! {
            biased;
            meaning = interrupts.next() => match meaning {
                Meaning::Cancel => {
                    screen.say(&format!("\n{CANCELLING}"));
                    obeyed(session.cancel(&by).await)?;
                }
                Meaning::Force => {
                    screen.say(KILLING);
                    obeyed(session.force_cancel(&by).await)?;
                }
                Meaning::Nothing => {}
            },
            line = logs.next_line() => match line {
                Some(line) => screen.log(&line),
                None => return session.wait().await,
            },
            Ok(()) = status.changed() => {
                let now = status.borrow_and_update().clone();
                // What was logged by then stands above the plan.
                while let Some(line) = logs.line_at_hand() {
                    screen.log(&line);
                }
                if now.plan_digest != shown {
                    shown.clone_from(&now.plan_digest);
                    if let Some(plan) = session.plan() {
                        screen.say(&format!("\n{plan}"));
                    }
                }
                if let (Status::AwaitingApproval, Some(digest), false) =
                    (now.status, &now.plan_digest, is_decided)
                {
                    is_decided = true;
                    if arguments.auto_approve && arguments.recover.is_none() {
                        // The request says so.
                    } else if arguments.auto_approve {
                        obeyed(session.approve(&by, "--auto-approve", digest).await)?;
                    } else {
                        question = Question::put();
                        match question {
                            Some(_) => screen.ask(&asked(&now)),
                            None => {
                                screen.say(&format!("{NOBODY}. {NOBODY_AT_ALL}"));
                                obeyed(session.reject(&by, NOBODY).await)?;
                            }
                        }
                    }
                } else if now.status != Status::AwaitingApproval {
                    question = None;
                }
            }
            answer = answer_to(&mut question) => match (answer, &shown) {
                (Answer::Yes, Some(digest)) => {
                    question = None;
                    obeyed(session.approve(&by, "", digest).await)?;
                }
                (Answer::No | Answer::End, _) | (_, None) => {
                    question = None;
                    if answer == Answer::End {
                        screen.say("");
                    }
                    obeyed(session.reject(&by, "").await)?;
                }
                (Answer::Unclear, Some(_)) => screen.ask("Please answer y or n: "),
            },
            _ = ticks.tick(), if question.is_none() => {
                let now = session.status();
                if let Some(phase) = now.phases.last().filter(|it| it.ended_at.is_none()) {
                    let elapsed = Utc::now() - phase.started_at;
                    screen.tell_time(now.phase, elapsed.to_std().unwrap_or_default());
                }
            }
        }
    }
}

/// What comes too late is no fault: how the session ended is told in the end.
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

/// Who decides.
fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "deploy_session".to_owned())
}
