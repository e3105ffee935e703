//! **Dress**: what became of a text, and in what the answer to it is told.

use std::time::Duration;

use crate::call::{Answer, Deed, Reaction};
use crate::fault::Fault;
use crate::refusal::Refused;
use crate::report::Push;

/// What became of a text that was to be sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) outcome: Outcome,
    pub(crate) dress: Dress,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// By its number in the ledger.
    Taken(u64),
    Refused(Refused),
    /// It was not taken, and the answer does not tell.
    Lost,
}

/// In what an answer is told, and what happens before it.
#[derive(Debug, Default)]
pub(crate) struct Dress {
    pub(crate) fault: Option<Fault>,
    /// Called back before the answer.
    pub(crate) early: Vec<Push>,
}

impl Dress {
    /// Of several texts in one request: the first that is dressed counts.
    pub(crate) fn join(&mut self, other: Self) {
        self.early.extend(other.early);
        self.fault = self.fault.take().or(other.fault);
    }

    /// What is told in place of `answer`.
    pub(crate) fn wear(self, answer: Answer) -> Reaction {
        let mut wait = Duration::ZERO;
        let deed = match self.fault {
            Some(Fault::ServerError { status, .. }) => Deed::Answer(server_error(status)),
            Some(Fault::BadGateway { .. }) => Deed::Answer(bad_gateway()),
            Some(Fault::Empty { .. }) => Deed::Answer(Answer {
                body: String::new(),
                ..answer
            }),
            Some(Fault::Garbled { .. }) => Deed::Answer(half(answer)),
            Some(Fault::Close { .. }) => Deed::Close,
            Some(Fault::Hang { .. }) => Deed::Hang,
            Some(Fault::Slow { ms }) => {
                wait = Duration::from_millis(ms);
                Deed::Answer(answer)
            }
            _ => Deed::Answer(answer),
        };
        Reaction {
            early: self.early,
            wait,
            deed,
        }
    }
}

pub(crate) fn server_error(status: u16) -> Answer {
    let body =
        serde_json::json!({ "code": 20500, "message": "Internal Server Error", "status": status });
    Answer::json(status, &body)
}

fn bad_gateway() -> Answer {
    Answer {
        status: 502,
        content_type: "text/html",
        headers: Vec::new(),
        body: "<html><body>502 Bad Gateway</body></html>".into(),
    }
}

fn half(answer: Answer) -> Answer {
    let middle = answer.body.len() / 2;
    let end = (0..=middle)
        .rev()
        .find(|at| answer.body.is_char_boundary(*at));
    Answer {
        body: answer.body[..end.unwrap_or(0)].to_owned(),
        ..answer
    }
}
