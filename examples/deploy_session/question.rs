//! The answer of whoever sits at the terminal.

use std::io::{self, IsTerminal};
use std::thread;

use tokio::sync::mpsc;

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// None, and none will come: the same as a no.
    End,
    /// Neither.
    Unclear,
}

/// Lines that are typed, one at a time.
#[derive(Debug)]
pub(crate) struct Question {
    answers: mpsc::Receiver<Answer>,
}

impl Question {
    /// Begins to read; none if nobody is there to be asked.
    pub(crate) fn put() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let (told, answers) = mpsc::channel(1);
        // A read of a terminal cannot be given up. A thread that nobody waits for may stay in one.
        thread::spawn(move || {
            loop {
                let mut line = String::new();
                let answer = match io::stdin().read_line(&mut line) {
                    Ok(0) | Err(_) => Answer::End,
                    Ok(_) => meaning(&line),
                };
                if told.blocking_send(answer).is_err() || answer != Answer::Unclear {
                    return;
                }
            }
        });
        Some(Self { answers })
    }

    /// Waits for the next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.answers.recv().await.unwrap_or(Answer::End)
    }
}

fn meaning(line: &str) -> Answer {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        "n" | "no" => Answer::No,
        _ => Answer::Unclear,
    }
}
