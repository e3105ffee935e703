//! What people ask of a modem, as conversations: `+ ussd`, `+ line` and `+ end` ask, `! 1:` is what they are told.

use super::*;
use crate::domain::UssdCode;
use crate::modem::question::{Question, Reply, Told, Unanswered};
use crate::modem::terminal::TerminalLine;

pub(super) fn question(word: &str, text: &str) -> Option<Question> {
    match word {
        "ussd" => Some(Question::Ussd(UssdCode::parse(text).unwrap())),
        "end" => Some(Question::EndUssd),
        "line" => Some(Question::Line(TerminalLine::parse(text).unwrap())),
        _ => None,
    }
}

pub(super) fn replied(reply: &Reply) -> String {
    match reply {
        Ok(Told::Ussd(answer)) => format!(
            "{}: {}",
            answer.status.as_str(),
            answer.text.as_deref().unwrap_or("-").replace('\n', "|")
        ),
        Ok(Told::Ended) => "ended".to_owned(),
        Ok(Told::Line(answer)) => {
            let mut said = answer.lines.clone();
            said.push(answer.result.clone());
            if !answer.meanwhile.is_empty() {
                said.push(format!("meanwhile {}", answer.meanwhile.join(", ")));
            }
            said.join(" | ")
        }
        Err(Unanswered::NotReady(why)) => format!("not ready: {why}"),
        Err(Unanswered::Busy(why)) => format!("busy: {why}"),
        Err(Unanswered::Refused(said)) => format!("refused: {said}"),
        Err(Unanswered::TimedOut(why)) => format!("timed out: {why}"),
    }
}

/// Ready, of this profile.
fn ready_as(profile: &str) -> Player {
    let mut settings = settings();
    settings.profile = settings.profiles.get(profile);
    let mut player = Player::with(settings);
    player.play(WAKING).play(IDENTIFYING);
    // What a profile says before its SIM is looked at, and how it asks for the ICCID, is not the point here.
    while let Some(said) = player.said() {
        let answer = match said.as_str() {
            "> AT+CPIN?" => "+CPIN: READY\nOK",
            "> AT+CFUN?" => "+CFUN: 1\nOK",
            "> AT+CIMI" => "234150123456789\nOK",
            "> AT^ICCID?" => "^ICCID: 8944100000000000001\nOK",
            "> AT+CREG?" => "+CREG: 1,1\nOK",
            "> AT+COPS?" => "+COPS: 0,2,\"23415\",2\nOK",
            "> AT+CSQ" => "+CSQ: 17,99\nOK",
            "> AT+CPMS=?" => "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\nOK",
            "> AT+CPMS=\"SM\",\"SM\",\"SM\"" => "+CPMS: 0,50,0,50,0,50\nOK",
            "> AT+CPMS?" => "+CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50\nOK",
            "> AT+CNMI=?" => "+CNMI: (0-2),(0-3),(0,2,3),(0-2),(0,1)\nOK",
            "> AT+CNMI?" => "+CNMI: 1,1,0,1,0\nOK",
            "> AT+CSCA?" => "+CSCA: \"+447700900000\",145\nOK",
            "> AT+CMMS=?" => "ERROR",
            "> AT+CSMS?" => "+CSMS: 0,1,1,1\nOK",
            said if said.starts_with("> ") => "OK",
            _ => continue,
        };
        for line in answer.lines() {
            player.session.handle(
                player.now,
                Input::Octets(format!("\r\n{line}\r\n").as_bytes()),
            );
        }
        if player.status().state == ModemState::Ready && said == "> AT+CMMS=?" {
            break;
        }
    }
    player.drain_reception();
    player
}

impl Player {
    /// The first look for texts.
    fn drain_reception(&mut self) {
        loop {
            let Some(said) = self.said() else {
                let due = self.session.deadline().filter(|due| *due <= self.now);
                match due {
                    Some(_) => self.session.handle(self.now, Input::Deadline),
                    None => return,
                }
                continue;
            };
            let answer = match said.as_str() {
                "> AT+CSMS?" => "+CSMS: 0,1,1,1\r\nOK",
                "> AT+CNMI?" => "+CNMI: 1,1,0,1,0\r\nOK",
                "> AT+CPMS=?" => "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\nOK",
                "> AT+CPMS?" => "+CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50\r\nOK",
                said if said.starts_with("> ") => "OK",
                _ => continue,
            };
            self.session.handle(
                self.now,
                Input::Octets(format!("\r\n{answer}\r\n").as_bytes()),
            );
        }
    }
}

#[test]
fn a_code_is_asked_and_the_network_answers_seconds_later() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        ~ 3000
        < +CUSD: 0,"Balance 3.00",15
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn the_network_may_answer_before_the_modem_does() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < +CUSD: 0,"Balance 3.00",15
        < OK
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn a_reply_goes_into_the_same_dialogue_and_a_forgotten_one_is_ended() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        << \r\n+CUSD: 1,"Bitte w{hlen Sie:\r\n1 Konto\r\n2 Ende",15\r\n
        ! 1: reply_expected: Bitte wählen Sie:|1 Konto|2 Ende
        + ussd 1
        > AT+CUSD=1,"1",15
        < OK
        < +CUSD: 1,"Konto: 3.00 EUR, 1 laden"
        ! 1: reply_expected: Konto: 3.00 EUR, 1 laden
        ~ 60000
        > AT+CSQ
        < +CSQ: 17,99
        < OK
        > AT+CREG?
        < +CREG: 1,1
        < OK
        > AT+CPMS?
        < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
        < OK
        > AT+CMGL=4
        < OK
        ~ 30000
        > AT+CUSD=2
        < OK
    "#,
    );
}

#[test]
fn a_dialogue_is_ended_when_somebody_asks_for_it_also_where_the_modem_refuses_the_end() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        < +CUSD: 1,"1 Konto"
        ! 1: reply_expected: 1 Konto
        + end
        > AT+CUSD=2
        < ERROR
        ! 1: ended
        + end
        ! 1: ended
    "#,
    );
}

#[test]
fn what_the_network_says_instead_of_a_text_has_a_name() {
    for (m, word) in [
        (2, "terminated"),
        (3, "other_client"),
        (4, "not_supported"),
        (5, "network_timeout"),
    ] {
        let mut player = ready();
        player.play("+ ussd *100#\n> AT+CUSD=1,\"*100#\",15\n< OK");
        player.says(&format!("+CUSD: {m}"));
        player.play(&format!("! 1: {word}: -"));
    }
}

#[test]
fn an_error_after_the_ok_is_the_answer() {
    ready().play(
        r#"
        + ussd *99#
        > AT+CUSD=1,"*99#",15
        < OK
        ~ 2000
        < +CME ERROR: 132
        ! 1: refused: +CME ERROR: 132
    "#,
    );
}

#[test]
fn a_network_that_says_nothing_is_given_up_after_a_minute() {
    ready().play(
        r#"
        + ussd *99#
        > AT+CUSD=1,"*99#",15
        < OK
        ~ 59999
        ~ 1
        > AT+CUSD=2
        ! 1: timed out: the network did not answer within 60 s
        < OK
    "#,
    );
}

#[test]
fn a_modem_that_refuses_the_network_says_why() {
    for code in [30, 258] {
        ready().play(&format!(
            "+ ussd *99#\n> AT+CUSD=1,\"*99#\",15\n< +CME ERROR: {code}\n! 1: refused: +CME ERROR: {code}"
        ));
    }
}

#[test]
fn a_code_whose_coding_is_refused_is_written_in_the_other_one() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < ERROR
        > AT+CUSD=1,"AA180C3602",15
        < OK
        < +CUSD: 0,"C2303BEC1E974133170C06",15
        ! 1: done: Balance 3.00
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < +CME ERROR: 50
        > AT+CUSD=1,"AA180C3602",15
        < ERROR
        ! 1: refused: ERROR
    "#,
    );
}

#[test]
fn sticks_that_pack_septets_are_spoken_to_in_septets() {
    // Transcript 14.
    ready_as("huawei-e3372").play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"AA180C3602",15
        < OK
        ~ 3500
        < +CUSD: 0,"49B41C74ACD3D16171D90D32FBE52072BA0C72CA5DB45CAC76C3CD6CB41B2D060389CB74F9FE4C07D55C371CA85897BF1B",15
        ! 1: done: Ihr Guthaben für die Nr.4915783647410 beträgt 5.78 Euro
        + ussd *105#
        > AT+CUSD=1,"AA18AC3602",15
        < OK
        < +CUSD: 0,"0414043B044F00200441043F044004300432043A0438",72
        ! 1: done: Для справки
        + ussd *105#
        > AT+CUSD=1,"AA18AC3602",15
        < OK
        < +CUSD: 0,"Balance 3.00",15
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn a_stick_with_a_text_mode_is_put_into_it_first() {
    // Transcript 16: E1752.
    ready_as("huawei-e-series").play(
        r#"
        + ussd *100#
        > AT^USSDMODE=0
        < OK
        > AT+CUSD=1,"*100#",15
        < OK
        < +CUSD: 0,"Balance 3.00",15
        ! 1: done: Balance 3.00
    "#,
    );
    // E160 does not know it.
    ready_as("huawei-e-series").play(
        r#"
        + ussd *100#
        > AT^USSDMODE=0
        < COMMAND NOT SUPPORT
        > AT+CUSD=1,"AA180C3602",15
        < OK
        < +CUSD: 0,"C2303BEC1E974133170C06",15
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn a_modem_that_wants_ucs2_is_put_back_afterwards() {
    let mut settings = settings();
    settings
        .profiles
        .add("ours", "ours.toml", "[ussd]\ncoding = \"ucs2\"\n")
        .unwrap();
    settings.profile = settings.profiles.get("ours");
    let mut player = Player::with(settings);
    for script in [
        WAKING,
        IDENTIFYING,
        SIM,
        REGISTERED,
        OPERATOR,
        STORAGE,
        SERVICE_CENTRE,
        RECEIVING,
    ] {
        player.play(script);
    }
    player.play(
        r#"
        + ussd *99#
        > AT+CSCS="UCS2"
        < OK
        > AT+CUSD=1,"002A003900390023",15
        < OK
        < +CUSD: 0,"00480069FFFFEEEE",17
        > AT+CSCS="GSM"
        ! 1: done: Hi
        < OK
    "#,
    );
}

#[test]
fn a_text_goes_first_and_a_question_waits_for_its_turn() {
    let mut player = sending();
    player.play(
        r#"
        + ussd *100#
        + prepare 2
        < +CMGS: 1
        < OK
        > AT+CMGS=19
        ! 1 accepted 1 after 0
        + go 2
        << \r\n> 
        > PDU2^Z
        < +CMGS: 2
        < OK
        > AT+CUSD=1,"*100#",15
        ! 2 accepted 2 after 0
        < OK
        < +CUSD: 2
        ! 1: terminated: -
    "#,
    );
}

#[test]
fn a_question_whose_turn_does_not_come_is_told_so() {
    let mut player = sending();
    player.play("+ ussd *100#\n~ 30000");
    player.play(
        "! 1: busy: the modem was busy for 30 s, and texts go first; ask again when fewer wait",
    );
    player.play("< +CMGS: 1\n< OK\n! 1 accepted 1 after 30000");
    player.done();
}

#[test]
fn a_text_that_waits_behind_a_slow_network_ends_the_dialogue_before_it_goes() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        ~ 4000
        + prepare 1
        ~ 6000
        > AT+CUSD=2
        ! 1: busy: the answer took longer than a waiting text may be held up; ask again
        < OK
        > AT+CMGS=19
        + go 1
        << \r\n> 
        > PDU1^Z
        < +CMGS: 7
        < OK
        ! 1 accepted 7 after 0
    "#,
    );
}

#[test]
fn a_text_that_waits_goes_as_soon_as_the_network_has_answered() {
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        + prepare 1
        ~ 3000
        < +CUSD: 0,"Balance 3.00",15
        > AT+CMGS=19
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn nothing_else_is_asked_while_the_network_is_waited_for() {
    // A late error would be taken for the answer to it.
    ready().play(
        r#"
        + ussd *100#
        > AT+CUSD=1,"*100#",15
        < OK
        < +CMTI: "SM",1
        ~ 50000
        + line +CSQ
        < +CUSD: 0,"Balance 3.00",15
        > AT+CSQ
        ! 1: done: Balance 3.00
    "#,
    );
}

#[test]
fn a_line_is_said_and_everything_that_came_is_shown() {
    ready().play(
        r#"
        + line AT+CPSI?
        > AT+CPSI?
        < ^RSSI:18
        < +CPSI: LTE,Online
        < OK
        ! 1: +CPSI: LTE,Online | OK | meanwhile ^RSSI:18
        < ^MODE:5,4
        + line ATI
        > ATI
        < Manufacturer: huawei
        < Model: E3372
        < +GCAP: +CGSM
        < OK
        ! 1: Manufacturer: huawei | Model: E3372 | OK | meanwhile ^MODE:5,4, +GCAP: +CGSM
        + line +CPIN?
        > AT+CPIN?
        < +CME ERROR: 10
        ! 1: +CME ERROR: 10
    "#,
    );
}

#[test]
fn a_search_for_networks_holds_up_no_text_for_long() {
    ready().play(
        r#"
        + line +COPS=?
        > AT+COPS=?
        ~ 4000
        + prepare 1
        ~ 6000
        ! 1 never left: modem_lost
        + prepare 2
        ~ 0
        ! 2 never left: modem_lost
        ~ 60000
        < +COPS: (2,"Operator","Op","23415",7)
        < OK
        > AT+CSQ
        ! 1: +COPS: (2,"Operator","Op","23415",7) | OK
    "#,
    );
}

#[test]
fn a_line_that_is_not_answered_is_told_so_and_the_modem_is_woken() {
    ready().play(
        r#"
        + line +CPSI?
        > AT+CPSI?
        ~ 15000
        > ^[
        ! recovering: no answer to what a person asked: it is asked again
        ! escape begun
        ! 1: timed out: the modem did not answer this line
    "#,
    );
}

#[test]
fn a_modem_that_waits_for_its_sim_can_be_asked_but_not_the_network() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING);
    player.play("> AT+CPIN?\n< +CME ERROR: 14");
    player.play(
        r#"
        + ussd *100#
        ! 1: not ready: the modem is starting
        + line +CCID
        > AT+CCID
        < +CCID: 8944100000000000001
        < OK
        ! 1: +CCID: 8944100000000000001 | OK
        ~ 2000
        > AT+CPIN?
        + line +CSQ
        < +CME ERROR: 14
        > AT+CSQ
        < +CSQ: 99,99
        < OK
        ! 1: +CSQ: 99,99 | OK
    "#,
    );
}

#[test]
fn more_than_four_at_one_modem_are_told_to_come_again() {
    let mut player = sending();
    for _ in 0..4 {
        player.play("+ line +CSQ");
    }
    player.play("+ line +CSQ\n! 1: busy: others ask this modem already; ask again in a moment");
}

#[test]
fn a_port_that_is_lost_answers_everybody() {
    let mut player = ready();
    player.play("+ ussd *100#\n> AT+CUSD=1,\"*100#\",15\n< OK\n+ line +CSQ");
    player.play("+ gone");
    let told: Vec<String> = std::iter::from_fn(|| player.said()).collect();
    let refused: Vec<&String> = told
        .iter()
        .filter(|one| one.starts_with("! 1: not ready"))
        .collect();
    assert_eq!(refused.len(), 2, "{told:?}");
}

#[test]
fn a_call_is_hung_up_between_two_texts() {
    let mut settings = settings();
    settings.hang_up = true;
    let mut player = Player::with(settings);
    for script in [
        WAKING,
        IDENTIFYING,
        SIM,
        REGISTERED,
        OPERATOR,
        STORAGE,
        SERVICE_CENTRE,
    ] {
        player.play(script);
    }
    player.play("~ 0\n> AT+CLIP=1\n< OK");
    player.drain_reception();
    player.play(
        r#"
        + prepare 1
        > AT+CMGS=19
        + go 1
        << \r\n> 
        > PDU1^Z
        < RING
        < +CLIP: "+447700900123",145
        + prepare 2
        < +CMGS: 7
        < OK
        > AT+CHUP
        ! 1 accepted 7 after 0
        < ERROR
        > ATH
        < OK
        > AT+CMGS=19
        ! call of +44770***0123 hung up
    "#,
    );
}
