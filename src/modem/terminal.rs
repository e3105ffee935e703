//! One line that a person says to a modem through the gateway: what may be said, and how an answer is shown.
//!
//! Whoever has the admin key may ask a modem what they like. What would send, dial, enter a PIN, or change what the gateway
//! and the modem have agreed on is refused with the name of it: there is another way to each of these, or none.

use crate::at::answer::{Cause, Fault};
use crate::at::command::Command;

/// What follows `AT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TerminalLine(String);

/// Why a line is not said.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Forbidden {
    #[error("must be one line of at most {LONGEST} printable ASCII characters")]
    NotALine,
    #[error("must be one command: no \";\", and no second one behind it")]
    SeveralCommands,
    #[error("{0} sends or writes a text: use POST /v1/messages")]
    Sends(String),
    #[error("{0} dials, answers or opens a data connection")]
    Dials(String),
    #[error("{0} holds a PIN or a password: pin_file in the section of the modem enters one")]
    EntersPin(String),
    #[error("{0} speaks to the SIM itself, and could enter a PIN or write there")]
    SpeaksToSim(String),
    #[error("{0} changes the speed or the form of the port")]
    ChangesPort(String),
    #[error(
        "{0} changes what the gateway has set up or reads; POST /v1/modems/{{id}}/restart sets it up anew"
    )]
    ChangesSetup(String),
    #[error("{0} asks the network: use POST /v1/modems/{{id}}/ussd")]
    AsksNetwork(String),
}

const LONGEST: usize = 200;

/// Nothing but a text, or a PDU, is asked for behind these.
const SENDS: [&str; 14] = [
    "+CMGS", "+CMSS", "+CMGW", "+CMGC", "+CNMA", "+CMGD", "+QCMGS", "+CIPSEND", "+QISEND",
    "+QMGDA", "+CMGDA", "+FSWRITE", "+QFUPL", "#SSEND",
];
const DIALS: [&str; 7] = [
    "+CGDATA", "+CDU", "+CHLD", "^DDIALUP", "^NDISDUP", "+QPPP", "+CVHU",
];
const PINS: [&str; 6] = ["+CPIN", "+CPIN2", "+CPWD", "+CLCK", "^CARDLOCK", "^CPIN"];
const SIM: [&str; 3] = ["+CSIM", "+CGLA", "+CRLA"];
const PORT: [&str; 9] = [
    "+IPR",
    "+ICF",
    "+IFC",
    "+CMUX",
    "+ILRR",
    "^U2DIAG",
    "^SETPORT",
    "+QCFG=\"USBNET\"",
    "#PORTCFG",
];
/// The set forms of these.
const SETUP: [&str; 14] = [
    "+CMGF", "+CPMS", "+CNMI", "+CSMS", "+CSCS", "+CFUN", "+CMEE", "+CSMP", "+CSCA", "+CREG",
    "+CEREG", "+CGSMS", "^CURC", "+QURCCFG",
];

impl TerminalLine {
    /// # Errors
    /// What of it is not allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, Forbidden> {
        let text = text.trim();
        if text.len() > LONGEST || !text.bytes().all(|octet| (0x20..0x7F).contains(&octet)) {
            return Err(Forbidden::NotALine);
        }
        let line = match text.get(..2) {
            Some(at) if at.eq_ignore_ascii_case("AT") => &text[2..],
            _ => text,
        };
        if line.contains(';') {
            return Err(Forbidden::SeveralCommands);
        }
        // A modem does not see blanks (V.250 §5.2.1), nor the size of letters.
        let seen: String = line
            .chars()
            .filter(|c| *c != ' ')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        match seen.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '&' | '/')) {
            true => basic(&seen)?,
            false => extended(&seen)?,
        }
        Ok(Self(line.trim().to_owned()))
    }

    pub(super) fn command(&self) -> Command {
        Command::typed(&self.0)
    }
}

/// One letter, perhaps behind an ampersand, and a number: V.250 §5.3.1 lets them follow one another without a sign.
fn basic(seen: &str) -> Result<(), Forbidden> {
    let letters = seen.strip_prefix('&').unwrap_or(seen);
    let letter = letters.chars().next().unwrap_or_default();
    let named = || {
        format!(
            "AT{}",
            &seen[..seen.len() - letters.len() + letter.len_utf8().min(letters.len())]
        )
    };
    if matches!(letter, 'D' | 'A' | 'O') && !seen.starts_with('&') {
        return Err(Forbidden::Dials(named()));
    }
    let rest = letters.get(1..).unwrap_or_default();
    if !rest.bytes().all(|octet| octet.is_ascii_digit()) && letter != 'S' {
        return Err(Forbidden::SeveralCommands);
    }
    match (seen.starts_with('&'), letter) {
        // ATI, ATH, AT&V: what it is, hanging up, what is set.
        (false, 'I' | 'H') | (true, 'V') => Ok(()),
        (true, 'K' | 'Q') => Err(Forbidden::ChangesPort(named())),
        _ => Err(Forbidden::ChangesSetup(named())),
    }
}

fn extended(seen: &str) -> Result<(), Forbidden> {
    let ends = seen.find(['=', '?']).unwrap_or(seen.len());
    let (name, parameters) = seen.split_at(ends);
    if name.is_empty() {
        return match seen.is_empty() {
            true => Ok(()),
            false => Err(Forbidden::NotALine),
        };
    }
    let named = || format!("AT{name}");
    // A question can do no harm: `?` reads, `=?` says what there is.
    let sets = !matches!(parameters, "?" | "=?");
    let is = |list: &[&str]| list.contains(&name) || list.contains(&seen);
    let begins = |list: &[&str]| list.iter().any(|one| seen.starts_with(one));
    if !sets {
        return Ok(());
    }
    if is(&SENDS) {
        return Err(Forbidden::Sends(named()));
    }
    if is(&DIALS) || name.starts_with("+++") {
        return Err(Forbidden::Dials(named()));
    }
    if is(&PINS) {
        return Err(Forbidden::EntersPin(named()));
    }
    if is(&SIM) || writes_file(name, parameters) {
        return Err(Forbidden::SpeaksToSim(named()));
    }
    if begins(&PORT) {
        return Err(Forbidden::ChangesPort(named()));
    }
    if name == "+CUSD" {
        return Err(Forbidden::AsksNetwork(named()));
    }
    match is(&SETUP) && !parameters.is_empty() {
        true => Err(Forbidden::ChangesSetup(named())),
        false => Ok(()),
    }
}

/// `+CRSM` reads files of the SIM with 176, 178, 192 and 242 (27.007 §8.18); anything else writes.
fn writes_file(name: &str, parameters: &str) -> bool {
    let instruction = parameters.trim_start_matches('=').split(',').next();
    name == "+CRSM" && !matches!(instruction, Some("176" | "178" | "192" | "242"))
}

/// A line of the modem's, for the person who asked: a PIN that another program entered may stand in an echo.
pub(super) fn shown(line: &str) -> String {
    let upper = line.to_ascii_uppercase();
    let holds_pin = PINS.iter().any(|name| upper.contains(&format!("{name}=")));
    match holds_pin {
        true => line
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect(),
        false => line.to_owned(),
    }
}

/// An error as the modem says it.
pub(super) fn said(fault: &Fault) -> String {
    let (name, cause) = match fault {
        Fault::Plain => return "ERROR".to_owned(),
        Fault::Cme(cause) => ("+CME ERROR", cause),
        Fault::Cms(cause) => ("+CMS ERROR", cause),
    };
    match cause {
        Cause::Code(code) => format!("{name}: {code}"),
        Cause::Words(words) => format!("{name}: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whatever_asks_may_be_asked() {
        for line in [
            "AT",
            "at+csq",
            "AT+CSQ",
            "+COPS=?",
            "AT+COPS?",
            "ATI",
            "ATI3",
            "ATH",
            "AT&V",
            "AT^SYSINFOEX",
            "AT+CPIN?",
            "AT+CMGF?",
            "AT+CMGS=?",
            "AT+IPR?",
            "AT+CMGL=4",
            "AT+CRSM=176,12258,0,0,10",
            "AT+QCFG=\"nwscanmode\"",
            "AT+CFUN?",
            "AT%PINNUM?",
            "AT+SPIC",
            "",
        ] {
            assert!(TerminalLine::parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_would_do_harm_is_refused_by_its_name() {
        for (line, why) in [
            ("AT+CMGS=12", "AT+CMGS sends"),
            ("at + c m g s = 12", "AT+CMGS sends"),
            ("AT+CMGD=1,4", "AT+CMGD sends or writes"),
            ("ATD112", "ATD dials"),
            ("atdt0180", "ATD dials"),
            ("ATA", "ATA dials"),
            ("ATO", "ATO dials"),
            ("A/", "ATA dials"),
            ("AT+CGDATA=\"PPP\",1", "AT+CGDATA dials"),
            ("AT+CPIN=\"1234\"", "AT+CPIN holds a PIN"),
            ("AT+CPIN=12345678,1234", "AT+CPIN holds a PIN"),
            ("AT+CLCK=\"SC\",0,\"1234\"", "AT+CLCK holds a PIN"),
            ("AT+CPWD=\"SC\",\"1\",\"2\"", "AT+CPWD holds a PIN"),
            ("AT+CSIM=26,\"0020000108\"", "AT+CSIM speaks to the SIM"),
            ("AT+CRSM=214,28437", "AT+CRSM speaks to the SIM"),
            ("AT+IPR=9600", "AT+IPR changes the speed"),
            ("AT&K3", "AT&K changes the speed"),
            ("AT+CMUX=0", "AT+CMUX changes the speed"),
            ("ATE1", "ATE changes what the gateway"),
            ("ATV0", "ATV changes what"),
            ("ATZ", "ATZ changes what"),
            ("AT&F", "AT&F changes what"),
            ("ATS3=13", "ATS changes what"),
            ("AT+CMGF=1", "AT+CMGF changes what"),
            ("AT+CPMS=\"SM\"", "AT+CPMS changes what"),
            ("AT+CFUN=1,1", "AT+CFUN changes what"),
            ("AT+CUSD=1,\"*100#\",15", "AT+CUSD asks the network"),
            ("AT+CSQ;+CMGS=12", "must be one command"),
            ("ATI1D112", "must be one command"),
            ("ATH0E1", "must be one command"),
            ("AT+CSQ\rATD112", "must be one line"),
            ("AT+CSQ\u{1a}", "must be one line"),
            ("AT+CSQ é", "must be one line"),
            ("=1", "must be one line"),
        ] {
            let refused = TerminalLine::parse(line).unwrap_err().to_string();
            assert!(refused.starts_with(why), "{line}: {refused}");
        }
        assert!(TerminalLine::parse(&"A".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn a_pin_in_an_echo_is_not_shown() {
        assert_eq!(shown("AT+CPIN=\"1234\""), "AT+CPIN=\"0000\"");
        assert_eq!(shown("+CPIN: SIM PIN2"), "+CPIN: SIM PIN2");
        assert_eq!(shown("+CSQ: 17,99"), "+CSQ: 17,99");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_a_line_stays_one_line(text in ".{0,220}") {
            if let Ok(line) = TerminalLine::parse(&text) {
                prop_assert!(line.0.bytes().all(|octet| (0x20..0x7F).contains(&octet)));
            }
        }

        #[test]
        fn no_blank_and_no_small_letter_hides_a_send(blanks in prop::collection::vec(0..3usize, 7)) {
            let letters = "+cMgS=9".chars().zip(&blanks);
            let typed: String = letters.map(|(c, n)| format!("{c}{}", " ".repeat(*n))).collect();
            let line = format!("at{typed}");
            prop_assert!(TerminalLine::parse(&line).is_err(), "{}", line);
        }
    }
}
