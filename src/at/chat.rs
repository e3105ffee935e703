//! **Chat**: one command in flight, its answer, its deadline.
//!
//! Takes octets from a modem and commands from a session, and decides which line answers what. It knows
//! nothing of ports or of the clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::{Fault, FinalResult};
use super::command::{Answer, Command};
use super::lexer::{Lexer, Token};
use super::storage;
use super::urc::{self, Header, Urc};

/// Everything that can happen to a chat.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    Octets(&'a [u8]),
    Submit(Command),
    /// What goes into the prompt of the command in flight, its Ctrl-Z included.
    Text {
        hex: String,
        patience: Duration,
    },
    /// ESC: leaves a prompt. The command in flight is given up.
    Escape,
    /// The deadline that [`Chat::deadline`] announced has come.
    Deadline,
}

/// Everything a chat can ask for or announce.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    Write(Vec<u8>),
    /// The modem waits for a text; while nothing is in flight: for one that nobody will give it.
    Prompt,
    Finished(Result<Vec<String>, Refusal>),
    Unsolicited(Urc),
}

/// Why a command brought no answer that can be used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    Answered(Fault),
    Silent,
}

#[derive(Debug)]
pub(crate) struct Chat {
    lexer: Lexer,
    pending: Option<Pending>,
    header: Option<(Header, u8)>,
    /// Until `ATV1` is answered, `0` and `4` are results.
    numeric: bool,
    /// An ESC was written and nothing answered since: a prompt may still come, and has to be left as well.
    leaving: bool,
    /// For commands that have no patience of their own.
    patience: Duration,
    outbox: VecDeque<Output>,
}

#[derive(Debug)]
struct Pending {
    asked: Asked,
    settles: Option<Duration>,
    deadline: Option<Instant>,
    information: Vec<String>,
}

/// What [`owner_of`] needs to know of the command in flight.
#[derive(Debug)]
struct Asked {
    /// The line as written, and the text that followed it: what an echo looks like.
    line: String,
    text: Option<String>,
    answer: Answer,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Nothing but a prompt or an error can come.
    BeforePrompt,
    InPrompt,
    BeforeResult,
}

/// A header waits for its PDU while at most so many other lines come between the two.
const LINES_BETWEEN: u8 = 4;

/// A memory of 255 texts is listed in 510 lines; who says more than this says it for ever.
const MOST_INFORMATION: usize = 1024;

const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;

impl Chat {
    /// `patience`: how long a command is waited on that says nothing of its own.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            lexer: Lexer::default(),
            pending: None,
            header: None,
            numeric: true,
            leaving: false,
            patience,
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Octets(octets) => octets.iter().for_each(|&octet| self.read(now, octet)),
            Input::Submit(command) => self.submit(now, command),
            Input::Text { hex, patience } => self.write_text(now, hex, patience),
            Input::Escape => self.escape(),
            Input::Deadline => self.expire(now),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref()?.deadline
    }

    /// The lines that the command in flight was answered with so far.
    pub(crate) fn information(&self) -> &[String] {
        self.pending
            .as_ref()
            .map_or(&[], |pending| &pending.information)
    }

    /// `ATV1` was answered: numbers are no results any more.
    pub(crate) fn results_are_words(&mut self) {
        self.numeric = false;
    }

    fn submit(&mut self, now: Instant, command: Command) {
        debug_assert!(
            self.pending.is_none(),
            "the session submits one command at a time"
        );
        let line = format!("AT{}", command.text);
        self.write(format!("{line}\r").into_bytes());
        self.lexer.expect_prompt(command.prompts || self.leaving);
        self.pending = Some(Pending {
            asked: Asked {
                line,
                text: None,
                answer: command.answer,
                stage: match command.prompts {
                    true => Stage::BeforePrompt,
                    false => Stage::BeforeResult,
                },
            },
            settles: command.settles,
            deadline: Some(now + command.patience.unwrap_or(self.patience)),
            information: Vec::new(),
        });
    }

    fn write_text(&mut self, now: Instant, hex: String, patience: Duration) {
        let Some(pending) = &mut self.pending else {
            debug_assert!(
                false,
                "a text goes into the prompt of the command in flight"
            );
            return;
        };
        pending.asked.stage = Stage::BeforeResult;
        pending.deadline = Some(now + patience);
        // One write: a modem that sees a pause in the text may take it for its end.
        let mut octets = hex.clone().into_bytes();
        octets.push(CTRL_Z);
        pending.asked.text = Some(hex);
        self.write(octets);
    }

    fn escape(&mut self) {
        self.pending = None;
        self.leaving = true;
        self.lexer.expect_prompt(true);
        self.write(vec![ESC]);
    }

    fn write(&mut self, octets: Vec<u8>) {
        self.outbox.push_back(Output::Write(octets));
    }

    fn read(&mut self, now: Instant, octet: u8) {
        match self.lexer.read(octet) {
            Some(Token::Line(line)) => self.take_line(now, line),
            Some(Token::Prompt) => self.take_prompt(),
            None => {}
        }
    }

    fn take_prompt(&mut self) {
        self.lexer.expect_prompt(false);
        if let Some(pending) = &mut self.pending
            && pending.asked.stage == Stage::BeforePrompt
        {
            pending.asked.stage = Stage::InPrompt;
            pending.deadline = None;
        }
        self.outbox.push_back(Output::Prompt);
    }

    fn take_line(&mut self, now: Instant, line: String) {
        let asked = self.pending.as_ref().map(|pending| &pending.asked);
        let header = self.header.as_ref().map(|(header, _)| header);
        match owner_of(&line, asked, header, self.numeric) {
            Owner::Header(promise) => {
                let replaced = self.header.replace((promise, LINES_BETWEEN));
                return self.give_up(replaced);
            }
            Owner::Body => {
                if let Some((header, _)) = self.header.take() {
                    self.announce(header.join(&line));
                }
                return;
            }
            Owner::Result(result) => self.finish(match result {
                FinalResult::Ok => Ok(()),
                FinalResult::Error(fault) => Err(Refusal::Answered(fault)),
            }),
            Owner::Information => self.inform(now, line),
            Owner::Echo => {}
            Owner::Nobody => self.announce(Urc::Line(line)),
        }
        self.wait_less_for_body();
    }

    fn announce(&mut self, urc: Urc) {
        self.outbox.push_back(Output::Unsolicited(urc));
    }

    fn inform(&mut self, now: Instant, line: String) {
        let Some(pending) = &mut self.pending else {
            return;
        };
        if pending.information.len() < MOST_INFORMATION {
            pending.information.push(line);
        }
        if let Some(settles) = pending.settles {
            let settled = now + settles;
            pending.deadline = Some(pending.deadline.map_or(settled, |d| d.min(settled)));
        }
    }

    fn finish(&mut self, result: Result<(), Refusal>) {
        self.leaving &= result.is_err();
        self.lexer.expect_prompt(self.leaving);
        if let Some(pending) = self.pending.take() {
            self.outbox
                .push_back(Output::Finished(result.map(|()| pending.information)));
        }
    }

    fn wait_less_for_body(&mut self) {
        match &mut self.header {
            Some((_, 0)) => {
                let header = self.header.take();
                self.give_up(header);
            }
            Some((_, lines)) => *lines -= 1,
            None => {}
        }
    }

    /// The PDU of a header does not come.
    fn give_up(&mut self, header: Option<(Header, u8)>) {
        if let Some((header, _)) = header {
            self.announce(header.join(""));
        }
    }

    fn expire(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let complete = self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.settles.is_some() && !pending.information.is_empty());
        self.finish(if complete {
            Ok(())
        } else {
            Err(Refusal::Silent)
        });
    }
}

#[derive(Debug, PartialEq)]
enum Owner {
    Result(FinalResult),
    Information,
    Echo,
    Header(Header),
    Body,
    Nobody,
}

/// Gives a line to exactly one owner.
///
/// Real modems put unsolicited lines between a command and its final result, so position proves nothing.
fn owner_of(line: &str, asked: Option<&Asked>, header: Option<&Header>, numeric: bool) -> Owner {
    if header.is_some_and(|header| header.promises(line)) {
        return Owner::Body;
    }
    if let Some(promise) = Header::read(line) {
        return Owner::Header(promise);
    }
    let Some(asked) = asked else {
        return Owner::Nobody;
    };
    if asked.is_echo(line) {
        return Owner::Echo;
    }
    match FinalResult::read(line, numeric) {
        // Before Ctrl-Z this is the late OK of a command that was given up: it settles nothing.
        Some(FinalResult::Ok) if asked.stage != Stage::BeforeResult => Owner::Nobody,
        Some(result) => Owner::Result(result),
        None if asked.stage == Stage::BeforeResult && asked.answer.claims(line) => {
            Owner::Information
        }
        None => Owner::Nobody,
    }
}

impl Asked {
    fn is_echo(&self, line: &str) -> bool {
        line == self.line || self.text.as_deref() == Some(line)
    }
}

impl Answer {
    fn claims(&self, line: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Prefixed(prefix) => line.starts_with(&**prefix),
            Self::Registration(prefix) => {
                line.strip_prefix(*prefix).is_some_and(answers_registration)
            }
            Self::Words(prefix) => line.starts_with(&**prefix) || !urc::looks_unsolicited(line),
            Self::Pdus(prefix) => line.starts_with(*prefix) || storage::looks_like_pdu(line),
            Self::Digits(prefix) => {
                line.starts_with(&**prefix)
                    || line.len() >= FEWEST_DIGITS && line.trim_matches('"').bytes().all(is_digit)
            }
        }
    }
}

/// IMSI 14, IMEI 15, ICCID 18 to 20, the last of which may be a filler F.
const FEWEST_DIGITS: usize = 14;

fn is_digit(octet: u8) -> bool {
    octet.is_ascii_digit() || octet.eq_ignore_ascii_case(&b'f')
}

/// `0,1` and `2,1,8BE3,2BAF` answer; `3` and `1,84CD,00D30156` announce: their second field is no stat.
fn answers_registration(fields: &str) -> bool {
    let second = fields.split(',').nth(1).map(str::trim);
    // 27.007 §7.2: stat is 0 to 11; Motorola writes it with three digits.
    second.is_some_and(|stat| {
        stat.is_empty() || stat.len() <= 3 && stat.bytes().all(|octet| octet.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn an_answer_is_what_came_before_ok() {
        play(
            r"
            > AT+CSQ
            < +CSQ: 17,99
            < OK
            = +CSQ: 17,99
        ",
        );
    }

    #[test]
    fn a_message_may_arrive_in_the_middle_of_an_answer() {
        play(
            r#"
            > AT+CSQ
            < ^RSSI:26
            ! ^RSSI:26
            < +CMTI: "SM",4
            ! +CMTI: "SM",4
            < +CSQ: 17,99
            < OK
            = +CSQ: 17,99
        "#,
        );
    }

    #[test]
    fn an_echo_is_nobodys_answer() {
        play(
            r"
            > AT+CGMM
            < AT+CGMM
            < E1752
            < OK
            = E1752
        ",
        );
    }

    #[test]
    fn a_refusal_keeps_the_cause_the_modem_gave() {
        play(
            r"
            > AT+CSQ
            < +CME ERROR: 10
            x Answered(Cme(Code(10)))
        ",
        );
    }

    #[test]
    fn a_silent_modem_is_given_its_five_seconds_and_no_more() {
        play(
            r"
            > AT+CSQ
            ~ 4999
            ~ 1
            x Silent
        ",
        );
    }

    #[test]
    fn a_late_answer_belongs_to_nobody() {
        play(
            r"
            > AT+CSQ
            ~ 5000
            x Silent
            < +CSQ: 17,99
            ! +CSQ: 17,99
            < OK
            ! OK
        ",
        );
    }

    #[test]
    fn a_report_may_stand_between_a_command_and_its_answer() {
        play(
            r"
            > AT+CSQ
            < +CDS: 4
            < 00060102FF
            ! report of 5
            < +CSQ: 17,99
            < OK
            = +CSQ: 17,99
        ",
        );
    }

    #[test]
    fn a_line_may_come_between_a_report_and_its_pdu() {
        play(
            r"
            > AT+CGSN
            < +CDS: ,4
            < ^RSSI:20
            ! ^RSSI:20
            < 490154203237518
            < 00060102FF
            ! report of 5
            < OK
            = 490154203237518
        ",
        );
    }

    #[test]
    fn a_report_without_its_pdu_is_given_up_after_a_few_lines() {
        play(
            r"
            > AT+CSQ
            < +CDS: 4
            < ^A
            ! ^A
            < ^B
            ! ^B
            < ^C
            ! ^C
            < ^D
            ! ^D
            < ^E
            ! ^E
            ! +CDS: 4
            < OK
            =
        ",
        );
    }

    #[test]
    fn a_text_goes_into_the_prompt_and_its_reference_comes_back() {
        play(
            r"
            > AT+CMGS=18
            < AT+CMGS=18
            <> 
            ? prompt
            > 0001AB^Z
            < 0001AB
            < +CREG: 1
            ! +CREG: 1
            < +CMGS: 64
            < OK
            = +CMGS: 64
        ",
        );
    }

    #[test]
    fn a_reference_without_ok_is_an_answer_after_a_second() {
        play(
            r"
            > AT+CMGS=18
            <> 
            ? prompt
            > 0001AB^Z
            < +CMGS: 64
            ~ 999
            ~ 1
            = +CMGS: 64
        ",
        );
    }

    #[test]
    fn nothing_but_an_error_settles_a_text_that_was_not_written() {
        play(
            r"
            > AT+CMGS=18
            < OK
            ! OK
            < +CMGS: 63
            ! +CMGS: 63
            < +CMS ERROR: 302
            x Answered(Cms(Code(302)))
        ",
        );
    }

    #[test]
    fn a_numeric_result_counts_until_results_are_words() {
        let now = Instant::now();
        let mut chat = Chat::new(PATIENCE);
        chat.handle(now, Input::Submit(Command::ECHO_OFF));
        chat.handle(now, Input::Octets(b"ATE0\r0\r"));
        chat.poll();
        assert_eq!(chat.poll(), Some(Output::Finished(Ok(vec![]))));
        chat.results_are_words();
        chat.handle(now, Input::Submit(Command::ECHO_OFF));
        chat.handle(now, Input::Octets(b"0\r"));
        chat.poll();
        assert_eq!(
            chat.poll(),
            Some(Output::Unsolicited(Urc::Line("0".to_owned())))
        );
    }

    #[test]
    fn an_answer_about_registration_is_told_from_the_announcement() {
        for (fields, answers) in [
            (" 0,1", true),
            (" 2,0,00,0", true),
            (" 2,1,8BE3,2BAF", true),
            (" 2,6,\"8B37\",\"0A265185\",7", true),
            ("002,001,\"18d8\",\"ffff\"", true),
            (" 2,,", true),
            (" 2,1,\"0B,\"0100701\",7", true),
            (" 3", false),
            (" 1,84CD,00D30156", false),
            (" 6,\"8B37\",\"0A265185\",7", false),
            (" 5,\"25FF\",\"825E\"", false),
        ] {
            assert_eq!(answers_registration(fields), answers, "{fields}");
        }
    }

    proptest! {
        /// The whole room under noise: each line has at most one owner, and nothing panics.
        #[test]
        fn any_octets_are_survived(
            octets in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..3000),
                "((\r\n|\r|> |OK|ERROR|[+]CMGS: 7|[+]CDS: 2|000607|[+]CSQ: 1,2|x)){0,200}"
                    .prop_map(String::into_bytes),
            ],
            sending: bool,
        ) {
            let now = Instant::now();
            let mut chat = Chat::new(PATIENCE);
            let command = if sending { Command::submit(18) } else { Command::SIGNAL };
            chat.handle(now, Input::Submit(command));
            chat.handle(now, Input::Octets(&octets));
            chat.handle(now + Duration::from_secs(600), Input::Deadline);
            let outputs: Vec<Output> = std::iter::from_fn(|| chat.poll()).collect();
            let finished = outputs.iter().filter(|o| matches!(o, Output::Finished(_))).count();
            prop_assert!(finished <= 1);
            let lines = octets.split(|o| matches!(o, b'\r' | b'\n')).count();
            prop_assert!(outputs.len() <= lines + 4);
        }
    }

    /// Plays a conversation: `>` we write, `<` the modem says, `<>` its prompt, `!` announced as
    /// unsolicited, `=` the answer, `x` the refusal, `?` the prompt is announced, `~` milliseconds pass.
    /// Whatever the chat says must be in the script, in that order.
    #[track_caller]
    fn play(script: &str) {
        let mut chat = Chat::new(PATIENCE);
        let mut now = Instant::now();
        for step in script
            .lines()
            .map(str::trim)
            .filter(|step| !step.is_empty())
        {
            let (mark, text) = step.split_once(' ').unwrap_or((step, ""));
            match mark {
                "<" => chat.handle(now, Input::Octets(format!("\r\n{text}\r\n").as_bytes())),
                "<>" => chat.handle(now, Input::Octets(b"\r\n> ")),
                "~" => {
                    now += Duration::from_millis(text.parse().unwrap());
                    chat.handle(now, Input::Deadline);
                }
                ">" => {
                    chat.handle(now, written(text));
                    assert_eq!(chat.poll().map(|o| spoken(&o)).as_deref(), Some(step));
                }
                _ => assert_eq!(chat.poll().map(|o| spoken(&o)).as_deref(), Some(step)),
            }
        }
        assert_eq!(chat.poll(), None, "said more than the script");
    }

    fn written(text: &str) -> Input<'static> {
        Input::Submit(match text {
            "AT+CSQ" => Command::SIGNAL,
            "AT+CGMM" => Command::MODEL,
            "AT+CGSN" => Command::IMEI,
            "AT+CMGS=18" => Command::submit(18),
            _ => {
                return Input::Text {
                    hex: text.trim_end_matches("^Z").to_owned(),
                    patience: Duration::from_secs(120),
                };
            }
        })
    }

    fn spoken(output: &Output) -> String {
        let said = match output {
            Output::Write(octets) => {
                format!(
                    "> {}",
                    String::from_utf8_lossy(octets).replace('\x1a', "^Z")
                )
            }
            Output::Prompt => "? prompt".to_owned(),
            Output::Unsolicited(Urc::Line(line)) => format!("! {line}"),
            Output::Unsolicited(Urc::Report(octets)) => format!("! report of {}", octets.len()),
            Output::Unsolicited(other) => format!("! {other:?}"),
            Output::Finished(Ok(information)) => format!("= {}", information.join(" | ")),
            Output::Finished(Err(refusal)) => format!("x {refusal:?}"),
        };
        said.trim_end().to_owned()
    }
}
