//! What people have asked of this modem: whose turn it is, and what they are told.
//!
//! Texts go first: a question waits until no part does, [`TURN_WITHIN`] at most. One line is in flight at a time. Pure:
//! answers, lines and time come in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::profile::Profile;
use super::question::{LineAnswer, Question, Reply, Told, Unanswered};
use super::terminal::{TerminalLine, said, shown};
use super::ussd::{After, Asker, Dialogue, HELD_AT_MOST};
use crate::at::chat::Refusal;
use crate::at::command::Command;

#[derive(Debug, Default)]
pub(super) struct Inquiries {
    waiting: VecDeque<Waiting>,
    dialogue: Dialogue,
    /// Whose line is in flight.
    in_flight: Option<InFlight>,
    overheard: Overheard,
    told: VecDeque<(Asker, Reply)>,
}

#[derive(Debug)]
struct Waiting {
    asker: Asker,
    question: Question,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
enum InFlight {
    Dialogue,
    Line { asker: Asker, since: Instant },
}

/// What the modem says unasked while somebody sits at its terminal.
#[derive(Debug, Default)]
struct Overheard {
    lines: VecDeque<String>,
    until: Option<Instant>,
}

/// More people at one modem are told to come again.
const MOST_WAITING: usize = 4;
/// behind texts.
const TURN_WITHIN: Duration = Duration::from_secs(30);
/// From one line of a person to their next.
const LISTENS_FOR: Duration = Duration::from_secs(120);
const MOST_OVERHEARD: usize = 50;

const MANY_ASK: &str = "others ask this modem already; ask again in a moment";
const TEXTS_GO_FIRST: &str =
    "the modem was busy for 30 s, and texts go first; ask again when fewer wait";
const NO_LINE: &str = "the modem did not answer this line";

impl Inquiries {
    pub(super) fn ask(&mut self, now: Instant, asker: Asker, question: Question) {
        if self.waiting.len() >= MOST_WAITING {
            let busy = Err(Unanswered::Busy(MANY_ASK));
            return self.told.push_back((asker, busy));
        }
        if matches!(question, Question::Line(_)) {
            self.overheard.until = Some(now + LISTENS_FOR);
        }
        self.waiting.push_back(Waiting {
            asker,
            question,
            until: now + TURN_WITHIN,
        });
    }

    /// A line of a dialogue that has begun: it is said before anything else, or the modem is left in between.
    pub(super) fn goes_first(&self) -> bool {
        self.dialogue.has_line()
    }

    /// The network is to answer: nothing but what is urgent is written meanwhile.
    pub(super) fn holds_line(&self) -> bool {
        self.dialogue.holds_line()
    }

    /// The next line, when the modem is free. `is_ready`: it is set up, and the network can be asked.
    pub(super) fn next(
        &mut self,
        now: Instant,
        is_ready: bool,
        profile: &Profile,
    ) -> Option<Command> {
        if self.dialogue.has_line() {
            return self.say_dialogue(profile);
        }
        if self.dialogue.holds_line() {
            return None;
        }
        let may = |one: &Waiting| is_ready || matches!(one.question, Question::Line(_));
        let at = self.waiting.iter().position(may)?;
        let Waiting {
            asker, question, ..
        } = self.waiting.remove(at)?;
        match question {
            Question::Line(line) => return Some(self.say_line(now, asker, &line)),
            Question::Ussd(code) => self.dialogue.ask(asker, code, profile),
            Question::EndUssd => self.dialogue.end(asker),
        }
        self.say_dialogue(profile)
            .or_else(|| self.next(now, is_ready, profile))
    }

    fn say_dialogue(&mut self, profile: &Profile) -> Option<Command> {
        let command = self.dialogue.next(profile)?;
        self.in_flight = Some(InFlight::Dialogue);
        Some(command)
    }

    fn say_line(&mut self, now: Instant, asker: Asker, line: &TerminalLine) -> Command {
        self.in_flight = Some(InFlight::Line { asker, since: now });
        line.command()
    }

    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        answer: &Result<Vec<String>, Refusal>,
    ) -> After {
        match self.in_flight.take() {
            None => After::Proceed,
            Some(InFlight::Dialogue) => self.dialogue.on_answer(now, answer),
            Some(InFlight::Line { asker, .. }) => self.on_line_answered(now, asker, answer),
        }
    }

    fn on_line_answered(
        &mut self,
        now: Instant,
        asker: Asker,
        answer: &Result<Vec<String>, Refusal>,
    ) -> After {
        let (lines, result) = match answer {
            Ok(lines) => (lines.iter().map(|line| shown(line)).collect(), "OK".into()),
            Err(Refusal::Answered(fault)) => (Vec::new(), said(fault)),
            Err(Refusal::Silent) => {
                let silent = Err(Unanswered::TimedOut(NO_LINE));
                self.told.push_back((asker, silent));
                return After::Awaken;
            }
        };
        self.overheard.until = Some(now + LISTENS_FOR);
        let meanwhile = self.overheard.lines.drain(..).collect();
        let answer = LineAnswer {
            lines,
            result,
            meanwhile,
        };
        self.told.push_back((asker, Ok(Told::Line(answer))));
        After::Proceed
    }

    /// What the modem says unasked; answers whether the network has answered, and the line is free again.
    pub(super) fn on_line(&mut self, now: Instant, line: &str) -> bool {
        let held = self.dialogue.holds_line();
        let is_answer = self.dialogue.on_line(now, line);
        // The network's words are for whoever asked the network.
        if !is_answer && self.overheard.until.is_some_and(|until| now < until) {
            if self.overheard.lines.len() == MOST_OVERHEARD {
                self.overheard.lines.pop_front();
            }
            self.overheard.lines.push_back(shown(line));
        }
        held && !self.dialogue.holds_line()
    }

    /// `holds_up`: a part waits.
    pub(super) fn deadline(&self, holds_up: bool) -> Option<Instant> {
        let turns = self.waiting.iter().map(|one| one.until);
        let line = self.line_holds_until().filter(|_| holds_up);
        turns
            .chain(self.dialogue.deadline(holds_up))
            .chain(line)
            .min()
    }

    /// A search for networks takes minutes: whatever waits behind it need not.
    pub(super) fn holds_up_for_long(&self, now: Instant) -> bool {
        self.line_holds_until().is_some_and(|until| until <= now)
    }

    fn line_holds_until(&self) -> Option<Instant> {
        match self.in_flight? {
            InFlight::Line { since, .. } => Some(since + HELD_AT_MOST),
            InFlight::Dialogue => None,
        }
    }

    pub(super) fn expire(&mut self, now: Instant, holds_up: bool) {
        self.dialogue.expire(now, holds_up);
        while let Some(at) = self.waiting.iter().position(|one| one.until <= now)
            && let Some(one) = self.waiting.remove(at)
        {
            let busy = Err(Unanswered::Busy(TEXTS_GO_FIRST));
            self.told.push_back((one.asker, busy));
        }
    }

    /// The modem is lost, or is set up anew: whoever has asked is told so, but for lines that can wait for it.
    pub(super) fn give_up(&mut self, why: &Unanswered, lines_too: bool) {
        self.dialogue.give_up(why);
        if lines_too || matches!(self.in_flight, Some(InFlight::Dialogue)) {
            let asker = match self.in_flight.take() {
                Some(InFlight::Line { asker, .. }) => Some(asker),
                Some(InFlight::Dialogue) | None => None,
            };
            self.told
                .extend(asker.map(|asker| (asker, Err(why.clone()))));
        }
        let is_line = |one: &Waiting| matches!(one.question, Question::Line(_));
        let waiting = std::mem::take(&mut self.waiting);
        for one in waiting {
            match is_line(&one) && !lines_too {
                true => self.waiting.push_back(one),
                false => self.told.push_back((one.asker, Err(why.clone()))),
            }
        }
    }

    pub(super) fn poll(&mut self) -> Option<(Asker, Reply)> {
        self.told.pop_front().or_else(|| self.dialogue.poll())
    }
}
