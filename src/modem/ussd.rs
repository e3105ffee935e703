//! **Dialogue**: one USSD dialogue with the network (27.007 §7.15), from the code to its answer, and on to the reply.
//!
//! `AT+CUSD=1,"…",15` is answered with OK at once and by `+CUSD: <m>,"…",<dcs>` 2 to 30 s later. Until then nothing but
//! what is urgent is written to the modem: some answer with a late `+CME ERROR`, which would be taken for the result of
//! whatever was written meanwhile. A part that waits behind it waits [`HELD_AT_MOST`]; then the dialogue is ended.
//!
//! Pure: lines, answers and time come in. It never decides whose turn it is.

mod coding;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(super) use coding::Coding;

use super::profile::Profile;
use super::question::{Reply, Told, Unanswered, UssdAnswer, UssdStatus};
use super::terminal::said;
use crate::at::answer::{Fault, FinalResult};
use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::domain::UssdCode;

/// Who asked, by the number that the question came with.
pub(super) type Asker = u64;

#[derive(Debug, Default)]
pub(super) struct Dialogue {
    stage: Stage,
    /// How codes are written now.
    spoken: Option<Coding>,
    /// Codings that the modem has refused in this dialogue.
    refused: Vec<Coding>,
    /// Texts of several lines: what came so far, and how many lines.
    begun: Option<(String, u8)>,
    told: VecDeque<(Asker, Reply)>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Closed,
    /// Lines of ours, one after the other.
    Speaking {
        asker: Option<Asker>,
        code: Option<UssdCode>,
        lines: VecDeque<Line>,
        /// The line in flight.
        said: Option<Line>,
        /// The network's answer came before the modem's.
        early: Option<UssdAnswer>,
    },
    /// For the network's answer.
    Waiting { asker: Asker, since: Instant },
    /// The network waits for a reply.
    Open { until: Instant },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    /// Makes the modem take and give text, where it knows how.
    TextMode,
    Ucs2,
    Code,
    End,
    Gsm,
}

/// What the line needs after an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum After {
    Proceed,
    /// It was not answered.
    Awaken,
}

/// Telit's UC864 takes 180 s, nobody waits for that long.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// A part that waits is not held up for longer.
pub(super) const HELD_AT_MOST: Duration = Duration::from_secs(10);
/// For the reply of a person; networks wait one to two minutes themselves.
const REPLIED_WITHIN: Duration = Duration::from_secs(90);
/// A menu has ten lines.
const MOST_LINES: u8 = 30;

const NO_ANSWER: &str = "the network did not answer within 60 s";
const GAVE_WAY: &str = "the answer took longer than a waiting text may be held up; ask again";
const SILENT: &str = "the modem did not answer";

impl Dialogue {
    /// Lines of ours are to be said before anything else.
    pub(super) fn has_line(&self) -> bool {
        matches!(&self.stage, Stage::Speaking { said: None, .. })
    }

    /// Nothing but what is urgent is to be written.
    pub(super) fn holds_line(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }

    /// A code, or the reply that the network waits for.
    pub(super) fn ask(&mut self, asker: Asker, code: UssdCode, profile: &Profile) {
        let goes_on = matches!(self.stage, Stage::Open { .. });
        let lines = match (goes_on, profile.ussd_text_mode(), profile.ussd_coding()) {
            (true, ..) => vec![Line::Code],
            (false, Some(_), _) => vec![Line::TextMode, Line::Code],
            (false, None, Coding::Ucs2) => vec![Line::Ucs2, Line::Code],
            (false, None, _) => vec![Line::Code],
        };
        if !goes_on {
            self.spoken = Some(profile.ussd_coding());
            self.refused.clear();
        }
        self.begun = None;
        self.speak(Some(asker), Some(code), lines);
    }

    /// Ends what the network waits for; told when it is done.
    pub(super) fn end(&mut self, asker: Asker) {
        match self.stage {
            Stage::Open { .. } => self.speak(Some(asker), None, vec![Line::End]),
            _ => self.told.push_back((asker, Ok(Told::Ended))),
        }
    }

    fn speak(&mut self, asker: Option<Asker>, code: Option<UssdCode>, mut lines: Vec<Line>) {
        if lines.contains(&Line::End) && self.spoken == Some(Coding::Ucs2) {
            lines.push(Line::Gsm);
        }
        self.stage = Stage::Speaking {
            asker,
            code,
            lines: lines.into(),
            said: None,
            early: None,
        };
    }

    /// The next line, when the modem is free.
    pub(super) fn next(&mut self, profile: &Profile) -> Option<Command> {
        let spoken = self.spoken.unwrap_or(Coding::Text);
        let Stage::Speaking {
            code, lines, said, ..
        } = &mut self.stage
        else {
            return None;
        };
        let line = lines.pop_front()?;
        *said = Some(line);
        Some(match line {
            Line::TextMode => {
                Command::form(profile.ussd_text_mode().unwrap_or_default().to_owned())
            }
            Line::Ucs2 => Command::CHARACTERS_UCS2,
            Line::Gsm => Command::CHARACTERS_GSM,
            Line::End => Command::END_DIALOGUE,
            Line::Code => {
                let code = code.as_ref().map(UssdCode::as_str).unwrap_or_default();
                Command::ask_network(&spoken.written(code))
            }
        })
    }

    /// The modem's answer to the line that [`Dialogue::next`] gave.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        answer: &Result<Vec<String>, Refusal>,
    ) -> After {
        let Stage::Speaking { said, .. } = &mut self.stage else {
            return After::Proceed;
        };
        let line = said.take();
        if *answer == Err(Refusal::Silent) {
            self.close(Err(Unanswered::TimedOut(SILENT)));
            return After::Awaken;
        }
        match (line, answer) {
            (Some(Line::TextMode), Ok(_)) => self.spoken = Some(Coding::Text),
            (Some(Line::Ucs2), Err(_)) => self.spoken = Some(Coding::Text),
            (Some(Line::Code), Ok(_)) => self.is_asked(now),
            (Some(Line::Code), Err(Refusal::Answered(fault))) => self.on_refused(fault),
            _ => {}
        }
        self.finish_speaking();
        After::Proceed
    }

    fn is_asked(&mut self, now: Instant) {
        let Stage::Speaking { asker, early, .. } = &mut self.stage else {
            return;
        };
        let (asker, early) = (asker.take(), early.take());
        let Some(asker) = asker else { return };
        self.stage = Stage::Waiting { asker, since: now };
        if let Some(answer) = early {
            self.is_answered(now, answer);
        }
    }

    /// What a modem refuses before the network has heard of it may be the coding: the other one is tried.
    fn on_refused(&mut self, fault: &Fault) {
        let spoken = self.spoken.unwrap_or(Coding::Text);
        self.refused.push(spoken);
        let other = match spoken {
            Coding::Text => Coding::Packed,
            Coding::Packed | Coding::Ucs2 => Coding::Text,
        };
        if is_about_form(fault)
            && !self.refused.contains(&other)
            && let Stage::Speaking { lines, .. } = &mut self.stage
        {
            lines.push_front(Line::Code);
            if spoken == Coding::Ucs2 {
                lines.push_front(Line::Gsm);
            }
            self.spoken = Some(other);
            return;
        }
        self.close(Err(Unanswered::Refused(said(fault))));
    }

    /// Behind its last line a dialogue is over, unless the network is waited for.
    fn finish_speaking(&mut self) {
        if let Stage::Speaking { asker, lines, .. } = &mut self.stage
            && lines.is_empty()
        {
            if let Some(asker) = asker.take() {
                self.told.push_back((asker, Ok(Told::Ended)));
            }
            self.stage = Stage::Closed;
        }
    }

    /// Takes what the modem says unasked; answers whether it was the network's answer.
    pub(super) fn on_line(&mut self, now: Instant, line: &str) -> bool {
        if let Some((text, lines)) = self.begun.take() {
            return self.goes_on(now, &format!("{text}\n{line}"), lines + 1);
        }
        if line.starts_with("+CUSD:") {
            return self.goes_on(now, line, 1);
        }
        // OK, and then an error all the same: Cinterion MC55i, when the network refuses.
        if self.holds_line()
            && let Some(FinalResult::Error(fault)) = FinalResult::read(line, false)
        {
            self.close(Err(Unanswered::Refused(said(&fault))));
            return true;
        }
        false
    }

    /// A menu may have several lines: it ends with the line that closes its quotes.
    fn goes_on(&mut self, now: Instant, text: &str, lines: u8) -> bool {
        if !is_whole(text) && lines < MOST_LINES {
            self.begun = Some((text.to_owned(), lines));
            return false;
        }
        let spoken = self.spoken.unwrap_or(Coding::Text);
        if let Some(answer) = announced(text, spoken) {
            self.is_answered(now, answer);
        }
        true
    }

    fn is_answered(&mut self, now: Instant, answer: UssdAnswer) {
        let expects = answer.status == UssdStatus::ReplyExpected;
        match &mut self.stage {
            Stage::Speaking {
                said: Some(Line::Code),
                early,
                ..
            } => *early = Some(answer),
            Stage::Waiting { .. } if expects => {
                self.tell(Ok(Told::Ussd(answer)));
                self.stage = Stage::Open {
                    until: now + REPLIED_WITHIN,
                };
            }
            Stage::Waiting { .. } => self.close(Ok(Told::Ussd(answer))),
            // The network has ended what it waited for.
            Stage::Open { .. } if !expects => self.close(Err(Unanswered::TimedOut(NO_ANSWER))),
            // Nobody asked: an advertisement, or the end of something older.
            Stage::Open { .. } | Stage::Speaking { .. } | Stage::Closed => {}
        }
    }

    fn tell(&mut self, reply: Reply) {
        let asker = match &mut self.stage {
            Stage::Waiting { asker, .. } => Some(*asker),
            Stage::Speaking { asker, .. } => asker.take(),
            Stage::Open { .. } | Stage::Closed => None,
        };
        self.told.extend(asker.map(|asker| (asker, reply)));
    }

    /// It is over on the network's side too; what was set up for it is taken back.
    fn close(&mut self, reply: Reply) {
        self.tell(reply);
        self.begun = None;
        self.stage = Stage::Closed;
        if self.spoken.take() == Some(Coding::Ucs2) {
            self.speak(None, None, vec![Line::Gsm]);
        }
    }

    /// `holds_up`: a part waits behind it.
    pub(super) fn deadline(&self, holds_up: bool) -> Option<Instant> {
        match self.stage {
            Stage::Waiting { since, .. } if holds_up => Some(since + HELD_AT_MOST),
            Stage::Waiting { since, .. } => Some(since + ANSWERED_WITHIN),
            Stage::Open { until } => Some(until),
            Stage::Speaking { .. } | Stage::Closed => None,
        }
    }

    pub(super) fn expire(&mut self, now: Instant, holds_up: bool) {
        if self.deadline(holds_up).is_none_or(|at| at > now) {
            return;
        }
        let why = match &self.stage {
            Stage::Waiting { since, .. } if *since + ANSWERED_WITHIN <= now => {
                Unanswered::TimedOut(NO_ANSWER)
            }
            _ => Unanswered::Busy(GAVE_WAY),
        };
        self.tell(Err(why));
        self.begun = None;
        // The network may still have it, and would answer into whatever is asked next.
        self.speak(None, None, vec![Line::End]);
    }

    /// The modem is lost, or set up anew.
    pub(super) fn give_up(&mut self, why: &Unanswered) {
        self.tell(Err(why.clone()));
        let told = std::mem::take(&mut self.told);
        *self = Self {
            told,
            ..Self::default()
        };
    }

    pub(super) fn poll(&mut self) -> Option<(Asker, Reply)> {
        self.told.pop_front()
    }
}

/// Bare errors, and those of 27.007 §9.2 that mean what was written and not what the network thinks of it.
fn is_about_form(fault: &Fault) -> bool {
    *fault == Fault::Plain || matches!(fault.cme(), Some(3 | 4 | 24..=27 | 50))
}

/// Whether its quotes are closed, or there are none.
fn is_whole(text: &str) -> bool {
    let Some((_, behind)) = text.split_once('"') else {
        return true;
    };
    let Some((_, scheme)) = behind.rsplit_once('"') else {
        return false;
    };
    let scheme = scheme.trim().trim_start_matches(',').trim();
    scheme.bytes().all(|octet| octet.is_ascii_digit())
}

/// Reads `+CUSD: 0,"…",15` and its kin: without quotes, without a scheme, without a text.
fn announced(line: &str, spoken: Coding) -> Option<UssdAnswer> {
    let fields = line.strip_prefix("+CUSD:")?.trim();
    let (m, rest) = fields.split_once(',').unwrap_or((fields, ""));
    let status = UssdStatus::of(m.trim().parse().ok()?)?;
    let rest = rest.trim();
    let (raw, scheme) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.rsplit_once('"').unwrap_or((quoted, "")),
        None => match rest.rsplit_once(',') {
            Some((text, scheme)) if is_scheme(scheme) => (text, scheme),
            _ => (rest, ""),
        },
    };
    let scheme = scheme.trim().trim_start_matches(',').trim().parse().ok();
    let text = coding::read(raw, scheme, spoken);
    Some(UssdAnswer {
        status,
        text: (!text.is_empty()).then_some(text),
    })
}

fn is_scheme(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::modem::profile::Profiles;

    fn read(line: &str) -> (UssdStatus, String) {
        let answer = announced(line, Coding::Text).unwrap();
        (answer.status, answer.text.unwrap_or_default())
    }

    #[test]
    fn an_announcement_is_read_with_and_without_quotes_scheme_and_text() {
        use UssdStatus::*;
        for (line, status, text) in [
            ("+CUSD: 0,\"Balance 3.00\",15", Done, "Balance 3.00"),
            (
                "+CUSD: 1,\"1 Konto, 2 Ende\"",
                ReplyExpected,
                "1 Konto, 2 Ende",
            ),
            ("+CUSD:0,\"say \"hi\" now\",15", Done, "say \"hi\" now"),
            ("+CUSD: 0, 00480069,72", Done, "Hi"),
            ("+CUSD: 0,\"\",15", Done, ""),
            ("+CUSD: 2", Terminated, ""),
            ("+CUSD: 3", OtherClient, ""),
            ("+CUSD: 4", NotSupported, ""),
            ("+CUSD: 5", NetworkTimeout, ""),
        ] {
            assert_eq!(read(line), (status, text.to_owned()), "{line}");
        }
        for line in ["+CUSD:", "+CUSD: 9", "+CUSD: x,\"y\"", "OK"] {
            assert!(announced(line, Coding::Text).is_none(), "{line}");
        }
    }

    #[test]
    fn a_text_is_whole_when_its_quotes_are_closed() {
        for (text, whole) in [
            ("+CUSD: 2", true),
            ("+CUSD: 0,\"a\",15", true),
            ("+CUSD: 1,\"a\"", true),
            ("+CUSD: 1,\"Menu", false),
            ("+CUSD: 1,\"Menu\n1 \"Gold\" card", false),
            ("+CUSD: 1,\"Menu\n1 \"Gold\" card\n2 End\",15", true),
        ] {
            assert_eq!(is_whole(text), whole, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_modem_announces_nothing_panics(lines in prop::collection::vec(".{0,60}", 0..8)) {
            let mut dialogue = Dialogue::default();
            let now = Instant::now();
            let code = UssdCode::parse("*100#").unwrap();
            let profile = Profiles::built_in().generic();
            dialogue.ask(1, code, &profile);
            while dialogue.next(&profile).is_some() {
                dialogue.on_answer(now, &Ok(Vec::new()));
            }
            for line in lines {
                dialogue.on_line(now, &line);
                dialogue.on_line(now, &format!("+CUSD: {line}"));
                dialogue.on_line(now, &format!("+CUSD: 0,\"{line}"));
            }
        }
    }
}
