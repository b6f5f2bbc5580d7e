//! Reads answers from the terminal.

use std::io::{self, IsTerminal};
use std::thread;

use tokio::sync::mpsc;

/// The user's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// The end of the input: no answer will come, which means no.
    End,
    /// Neither yes nor no.
    Unclear,
}

/// Lines that the user types, one at a time.
#[derive(Debug)]
pub(crate) struct Question {
    answers: mpsc::Receiver<Answer>,
}

impl Question {
    /// Starts to read; `None` if stdin is not a terminal.
    pub(crate) fn put() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let (told, answers) = mpsc::channel(1);
        // A read from a terminal cannot be cancelled, so it runs in a thread that is never joined.
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
