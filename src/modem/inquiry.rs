//! A question on its way to a modem, and the way back to whoever asked.

use std::fmt;

use tokio::sync::oneshot;

use super::question::{Question, Reply, Unanswered};

/// A question that is answered once, or never, when the modem's task ends.
pub(crate) struct Inquiry {
    pub(crate) question: Question,
    answer: oneshot::Sender<Reply>,
}

/// Where the answer comes.
#[derive(Debug)]
pub(crate) struct Answered(oneshot::Receiver<Reply>);

impl Inquiry {
    pub(crate) fn new(question: Question) -> (Self, Answered) {
        let (answer, receiver) = oneshot::channel();
        (Self { question, answer }, Answered(receiver))
    }

    /// Whoever asked may have left.
    pub(crate) fn answer(self, reply: Reply) {
        let _ = self.answer.send(reply);
    }

    /// The question, and whom to tell.
    pub(super) fn apart(self) -> (Question, oneshot::Sender<Reply>) {
        (self.question, self.answer)
    }
}

impl Answered {
    pub(crate) async fn wait(self) -> Reply {
        let gone = || Err(Unanswered::NotReady("the modem is gone".to_owned()));
        self.0.await.unwrap_or_else(|_| gone())
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inquiry").field(&self.question).finish()
    }
}

/// Two are the same question, whoever is told.
impl PartialEq for Inquiry {
    fn eq(&self, other: &Self) -> bool {
        self.question == other.question
    }
}
