//! Conversations about texts and reports that come in.

use super::*;

/// From the transcripts: "hi" from +447700900123.
const HI: &str = "0791447700090000040C9144770009103200006211029003000002E834";

/// A session that is ready and has asked what there is to ask; `answers`: to `+CSMS?`, `+CNMI?`, `+CPMS=?`, `+CPMS?`.
fn ready_with(settings: ModemSettings, answers: [&str; 4]) -> Player {
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
    player.play("~ 0");
    let questions = ["> AT+CSMS?", "> AT+CNMI?", "> AT+CPMS=?", "> AT+CPMS?"];
    for (question, answer) in questions.into_iter().zip(answers) {
        player.play(question);
        if answer != "ERROR" {
            player.says(answer);
        }
        player.says(if answer == "ERROR" { answer } else { "OK" });
    }
    player
}

const USUAL: [&str; 4] = [
    "+CSMS: 0,1,1,1",
    "+CNMI: 2,1,0,1,0",
    "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")",
    "+CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50",
];

fn with_answer(at: usize, answer: &'static str) -> [&'static str; 4] {
    let mut answers = USUAL;
    answers[at] = answer;
    answers
}

/// The PDU of a text of one letter, stamped that many seconds after 9:30.
fn text(letter: char, seconds: u8) -> String {
    // TP-SCTS holds swapped digits; the letter is one septet.
    let (tens, ones) = (seconds / 10, seconds % 10);
    format!(
        "0791447700090000040C91447700091032000062110290{ones:X}{tens:X}{:02X}0001{:02X}",
        0, letter as u8
    )
}

#[test]
fn a_text_is_read_handed_on_and_deleted_only_when_it_is_kept() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n~ 2000\n+ kept 1\n> AT+CMGD=7\n< OK"
        ))
        .done();
}

#[test]
fn a_memory_is_selected_again_when_its_modem_may_have_forgotten_it() {
    ready()
        .play(&format!(
            "~ 3000\n< +CMTI: \"SM\",7\n> AT+CPMS=\"SM\"\n< +CPMS: 1,50,1,50,1,50\n< OK\n\
             > AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n! received 29 octets from a slot"
        ))
        .done();
}

#[test]
fn what_is_announced_in_another_memory_is_read_from_there() {
    // transcript 29
    ready()
        .play(&format!(
            "< +CMTI: \"ME\",0\n> AT+CPMS=\"ME\"\n< +CPMS: 1,23,1,23,1,23\n< OK\n\
             > AT+CMGR=0\n< +CMGR: 0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
             < +CMTI: \"SM\",3\n> AT+CPMS=\"SM\"\n+ kept 1\n< OK\n\
             > AT+CPMS=\"ME\"\n< OK\n> AT+CMGD=0\n< OK\n> AT+CPMS=\"SM\"\n< OK\n> AT+CMGR=3"
        ))
        .done();
}

#[test]
fn an_announcement_that_says_no_place_starts_a_look_at_everything() {
    for line in ["+CMTI: \"SM\",-1", "+CMTI: 0,111"] {
        ready()
            .play(&format!("< {line}\n> AT+CPMS?\n< ERROR\n> AT+CMGL=4\n< OK"))
            .done();
    }
}

#[test]
fn an_announcement_without_a_place_in_the_middle_of_a_look_starts_another() {
    let look = "> AT+CMGL=4\n";
    ready_with(settings(), USUAL)
        .play(&format!(
            "{look}< +CMTI: \"SM\",-1\n< OK\n> AT+CPMS?\n< OK\n{look}< OK"
        ))
        .done();
}

#[test]
fn a_text_that_is_listed_and_announced_is_deleted_once_and_the_next_in_its_slot_is_not_lost() {
    ready_with(settings(), USUAL)
        .play(&format!(
            "> AT+CMGL=4\n< +CMTI: \"SM\",1\n< +CMGL: 1,0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n+ kept 1\n> AT+CMGD=1\n\
             < +CMTI: \"SM\",1\n< OK\n> AT+CMGR=1"
        ))
        .done();
}

#[test]
fn an_announcement_made_twice_is_read_once() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMTI: \"SM\",8\n< +CMTI: \"SM\",8\n\
             < +CMGR: 0,,21\n< {HI}\n< OK\n> AT+CMGR=8\n! received 29 octets from a slot\n\
             < +CMTI: \"SM\",7\n< +CMTI: \"SM\",7\n< OK"
        ))
        .done();
}

#[test]
fn a_text_that_takes_the_place_of_one_that_is_being_deleted_is_read() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n+ kept 1\n> AT+CMGD=7\n\
             < +CMTI: \"SM\",7\n< OK\n> AT+CMGR=7"
        ))
        .done();
}

#[test]
fn an_empty_slot_is_no_text() {
    // transcript 28
    for answer in ["< OK", "< +CMS ERROR: 321", "< +CMGR: 0,,0\n< OK"] {
        ready()
            .play(&format!("< +CMTI: \"SM\",7\n> AT+CMGR=7\n{answer}"))
            .done();
    }
}

#[test]
fn what_nobody_announced_is_found_by_a_look_at_everything_in_the_order_it_was_sent() {
    let (late, early) = (text('b', 9), text('a', 3));
    let mut player = ready_with(settings(), USUAL);
    player.play(&format!(
        "> AT+CMGL=4\n< +CMGL: 1,1,,20\n< {late}\n\
         # one that the list does not hold yet, and noise\n< +CMTI: \"SM\",3\n< ^RSSI:18\n\
         < +CMGL: 2,0,20\n< {early}\n< +CMGL: 4,3,18\n< 0021000C91447700091032000005E8329BFD06\n< OK\n\
         > AT+CMGR=3\n! received 28 octets from a slot\n! received 28 octets from a slot"
    ));
    let hex: Vec<String> = player
        .received
        .iter()
        .map(|pdu| pdu.iter().map(|octet| format!("{octet:02X}")).collect())
        .collect();
    assert_eq!(hex, [early, late]);
    player
        .play("< OK\n+ kept 1\n> AT+CMGD=2\n+ kept 2\n< OK\n> AT+CMGD=1\n< OK")
        .play("> AT+CPMS?\n< OK\n> AT+CMGL=4\n< OK")
        .done();
}

#[test]
fn sends_go_before_reads() {
    ready()
        .play(&format!(
            "+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z\n< +CMTI: \"SM\",7\n+ prepare 2\n\
             < +CMGS: 1\n< OK\n> AT+CMGS=19\n! 1 accepted 1 after 0\n+ go 2\n<< \\r\\n> \n> PDU2^Z\n\
             < +CMGS: 2\n< OK\n> AT+CMGR=7\n! 2 accepted 2 after 0\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot"
        ))
        .done();
}

#[test]
fn nothing_is_read_or_deleted_while_a_result_is_pending() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z\n\
             + kept 1\n< +CMTI: \"SM\",8\n< ^SMMEMFULL: \"SM\"\n~ 100000\n\
             < +CMGS: 1\n< OK\n> AT+CPMS=\"SM\"\n! 1 accepted 1 after 100000"
        ))
        .done();
}

#[test]
fn reading_waits_for_sends_no_longer_than_five_minutes() {
    let mut player = ready();
    player.play("+ prepare 1\n> AT+CMGS=19\n+ go 1\n< +CMTI: \"SM\",7");
    // 60 parts of 5 s.
    for part in 1..=59 {
        player.play(&format!(
            "<< \\r\\n> \n> PDU{part}^Z\n+ prepare {next}\n+ go {next}\n~ 5000\n\
             < +CMGS: 1\n< OK\n> AT+CMGS=19\n! {part} accepted 1 after 5000",
            next = part + 1,
        ));
    }
    player
        .play(
            "<< \\r\\n> \n> PDU60^Z\n+ prepare 61\n~ 5000\n< +CMGS: 1\n< OK\n> AT+CPMS=\"SM\"\n\
             ! 60 accepted 1 after 5000\n< OK\n> AT+CMGR=7\n< OK\n> AT+CMGS=19",
        )
        .done();
}

#[test]
fn a_memory_that_may_fill_is_emptied_in_turns_with_sends() {
    let nearly_full = with_answer(3, "+CPMS: \"SM\",7,10,\"SM\",7,10,\"SM\",7,10");
    let mut player = ready_with(settings(), nearly_full);
    player.play("> AT+CMGL=4\n< OK\n+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z");
    player
        .play(&format!(
            "+ prepare 2\n< +CMTI: \"SM\",8\n< +CMTI: \"SM\",9\n< +CMGS: 1\n< OK\n> AT+CMGR=8\n\
             ! 1 accepted 1 after 0\n< +CMGR: 0,,21\n< {HI}\n< OK\n> AT+CMGS=19\n\
             ! received 29 octets from a slot"
        ))
        .done();
}

#[test]
fn a_memory_that_says_it_is_full_is_looked_at_before_the_next_part() {
    for line in ["^SMMEMFULL: \"SM\"", "+QIND: \"smsfull\",\"SM\""] {
        sending()
            .play(&format!(
                "+ prepare 2\n< {line}\n< +CMGS: 1\n< OK\n> AT+CPMS?\n! 1 accepted 1 after 0"
            ))
            .done();
    }
}

#[test]
fn a_slot_that_cannot_be_deleted_is_left_alone_and_told_once() {
    let mut player = ready();
    player.play(&format!(
        "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
         ! received 29 octets from a slot\n+ kept 1\n> AT+CMGD=7\n< +CMS ERROR: 500\n\
         # perhaps it is gone, and another in its place\n\
         > AT+CMGR=7\n< +CMGR: 1,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
         + kept 1\n> AT+CMGD=7\n< +CMS ERROR: 500\n\
         ! stuck SM 7: its text is received and cannot be deleted"
    ));
    let other = text('x', 1);
    player
        .play(&format!(
            "< +CMTI: \"SM\",-1\n> AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 7,1,,21\n< {HI}\n< OK\n\
             # another text in the same slot is another text\n\
             < +CMTI: \"SM\",-1\n> AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 7,1,,20\n< {other}\n< OK\n\
             ! received 28 octets from a slot"
        ))
        .done();
}

#[test]
fn a_delete_that_was_not_answered_does_not_delete_the_next_text_unread() {
    let other = text('x', 1);
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n+ kept 1\n> AT+CMGD=7\n~ 10000\n> ^[\n~ 300\n> AT\n< OK\n~ 300\n\
             > AT+CPMS=\"SM\"\n< OK\n> AT+CMGR=7\n< +CMGR: 0,,20\n< {other}\n< OK\n\
             ! received 28 octets from a slot\n~ 1000\n+ kept 2\n> AT+CMGD=7\n< OK"
        ))
        .done();
}

#[test]
fn a_late_answer_to_a_read_is_not_taken_for_the_text_of_another_slot() {
    // The answer to the read comes with that to AT; the OK of AT was taken for the next answer, and so on: slot 8 was
    // deleted when the text of slot 7 was kept.
    let other = text('x', 1);
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMTI: \"SM\",8\n~ 10000\n> ^[\n~ 300\n> AT\n\
             << \\r\\n+CMGR: 0,,21\\r\\n{HI}\\r\\n\\r\\nOK\\r\\n\\r\\nOK\\r\\n\n~ 300\n\
             > AT+CPMS=\"SM\"\n< +CPMS: 2,50,2,50,2,50\n< OK\n\
             > AT+CMGR=8\n< +CMGR: 0,,20\n< {other}\n< OK\n> AT+CMGR=7\n! received 28 octets from a slot\n\
             < +CMGR: 1,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
             + kept 1\n> AT+CMGD=8\n< OK\n+ kept 2\n> AT+CMGD=7\n< OK"
        ))
        .done();
}

#[test]
fn an_ok_of_another_program_does_not_put_the_text_of_one_slot_into_the_next() {
    let other = text('x', 1);
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMTI: \"SM\",8\n# to somebody's AT\n< OK\n\
             > AT+CMGR=8\n< +CMGR: 0,,21\n< {HI}\n< OK\n> ^[\n< +CMGR: 0,,20\n< {other}\n< OK\n\
             ~ 300\n> AT\n< OK\n~ 300\n> AT+CPMS=\"SM\"\n< +CPMS: 2,50,2,50,2,50\n< OK\n\
             > AT+CMGR=8\n< +CMGR: 1,,20\n< {other}\n< OK\n! received 28 octets from a slot\n\
             + kept 1\n> AT+CMGD=8\n< OK\n\
             # what was passed over is looked for\n\
             > AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 7,1,,21\n< {HI}\n< OK\n! received 29 octets from a slot"
        ))
        .done();
}

#[test]
fn a_read_that_hangs_is_tried_twice_and_its_slot_is_left() {
    let mut player = ready();
    player.play(
        "< +CMTI: \"SM\",7\n> AT+CMGR=7\n~ 10000\n> ^[\n~ 300\n> AT\n< OK\n~ 300\n> AT+CPMS=\"SM\"\n< OK\n\
         > AT+CMGR=7\n~ 10000\n> ^[\n! stuck SM 7: its text cannot be read\n~ 300\n> AT\n< OK",
    );
    player.done();
}

#[test]
fn a_list_that_hangs_is_replaced_by_reading_slot_by_slot() {
    let small = with_answer(3, "+CPMS: \"SM\",1,2,\"SM\",1,2,\"SM\",1,2");
    let mut player = ready_with(settings(), small);
    player.play(&format!(
        "> AT+CMGL=4\n~ 60000\n> ^[\n~ 300\n> AT\n< OK\n~ 300\n> AT+CSQ\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK\n\
         > AT+CPMS=\"SM\"\n< OK\n> AT+CMGR=0\n< +CMS ERROR: 321\n> AT+CMGR=1\n< +CMGR: 1,,21\n< {HI}\n< OK\n\
         # perhaps that of slot 0\n\
         > ^[\n~ 300\n> AT\n< OK\n~ 300\n> AT+CPMS=\"SM\"\n< OK\n> AT+CMGR=1\n< +CMGR: 1,,21\n< {HI}\n< OK\n\
         > AT+CMGR=2\n! received 29 octets from a slot\n< +CMS ERROR: 321\n+ kept 1\n> AT+CMGD=1\n< OK"
    ));
    // It is not asked for a list again.
    player
        .play(
            "~ 60000\n> AT+CSQ\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK\n> AT+CPMS?\n< OK\n> AT+CPMS=\"SM\"\n< OK\n\
             > AT+CMGR=0\n< OK",
        )
        .play("> AT+CMGR=1\n< OK\n> AT+CMGR=2\n< OK")
        .done();
}

#[test]
fn a_text_without_its_pdu_is_asked_for_once_more_and_never_deleted() {
    ready()
        .play(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< OK\n> AT+CMGR=7\n< +CMGR: 0,,21\n< ??\n< OK\n\
             ! stuck SM 7: its text cannot be read",
        )
        .done();
}

#[test]
fn a_text_of_class_0_comes_directly_and_is_not_acknowledged() {
    // transcript 32
    ready()
        .play(
            "<< \\r\\n+CMT: ,24\\r\\n0791447700090000040C91447700091032001062110290330000056676788E06\\r\\n\n\
             ! received 32 octets directly\n+ kept 1",
        )
        .done();
}

#[test]
fn what_is_delivered_directly_is_acknowledged_when_it_is_kept() {
    // transcript 26
    let report = "0791447700090000064E0C91447700091032621102900300006211029003300000";
    let mut player = ready_with(settings(), with_answer(0, "+CSMS: 1,1,1,1"));
    player.play("> AT+CMGL=4\n< OK");
    player.play(&format!(
        "<< \\r\\n+CMT: ,21\\r\\n{HI}\\r\\n\n! received 29 octets directly\n~ 1000\n\
         + kept 1\n> AT+CNMA\n< OK\n\
         # a second one is not expected\n+ kept 1\n\
         << \\r\\n+CDS: 25\\r\\n{report}\\r\\n\n! report of 33 octets for 8944110068256270054"
    ));
    let octets = pdu_codec::octets_from_hex(report).unwrap();
    player.hand(Input::Order(Order::Kept(PduDigest::of(&octets))));
    player.play("> AT+CNMA\n< +CMS ERROR: 340").done();
}

#[test]
fn an_acknowledgement_waits_for_the_part_in_flight_and_goes_before_the_next() {
    let mut player = ready_with(settings(), with_answer(0, "+CSMS: 1,1,1,1"));
    player.play("> AT+CMGL=4\n< OK\n+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z");
    player
        .play(&format!(
            "<< \\r\\n+CMT: ,21\\r\\n{HI}\\r\\n\n! received 29 octets directly\n+ prepare 2\n+ kept 1\n\
             < +CMGS: 1\n< OK\n> AT+CNMA\n! 1 accepted 1 after 0\n< OK\n> AT+CMGS=19"
        ))
        .done();
}

#[test]
fn a_report_announced_in_the_wrong_memory_is_found_among_the_reports() {
    // transcript 25, EC25: announced "SM",0, stored in SR.
    let report = "0791447700090000064E0C91447700091032621102900300006211029003300000";
    let both = with_answer(2, "+CPMS: (\"SM\",\"SR\"),(\"SM\"),(\"SM\")");
    let mut player = ready_with(settings(), both);
    player.play("> AT+CMGL=4\n< OK");
    player
        .play(&format!(
            "< +CDSI: \"SM\",0\n> AT+CMGR=0\n< OK\n> AT+CPMS=\"SR\"\n< +CPMS: 1,23,1,50,1,50\n< OK\n\
             > AT+CMGL=4\n< +CMGL: 5,0,,25\n< {report}\n< OK\n! received 33 octets from a slot\n\
             + kept 1\n> AT+CMGD=5\n< OK"
        ))
        .done();
}

#[test]
fn a_text_that_stands_where_a_report_was_announced_is_a_text() {
    // transcript 25: "an unrelated inbound message that sits in slot 0".
    let both = with_answer(2, "+CPMS: (\"SM\",\"SR\"),(\"SM\"),(\"SM\")");
    let mut player = ready_with(settings(), both);
    player.play("> AT+CMGL=4\n< OK");
    player
        .play(&format!(
            "< +CDSI: \"SM\",0\n> AT+CMGR=0\n< +CMGR: 0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
             + kept 1\n> AT+CMGD=0\n< OK\n> AT+CPMS=\"SR\"\n< OK\n> AT+CMGL=4\n< OK"
        ))
        .done();
}

#[test]
fn a_report_in_a_slot_that_is_not_there_is_looked_for() {
    // transcript 24, SIM7600: "SR",8 then 321.
    let both = with_answer(2, "+CPMS: (\"SM\",\"SR\"),(\"SM\"),(\"SM\")");
    let mut player = ready_with(settings(), both);
    player.play("> AT+CMGL=4\n< OK");
    player
        .play(
            "< +CDSI: \"SR\",8\n> AT+CPMS=\"SR\"\n< +CPMS: 0,0,3,23,3,23\n< OK\n> AT+CMGR=8\n< +CMS ERROR: 321\n\
             > AT+CMGL=4\n< OK",
        )
        .done();
}

#[test]
fn reports_that_are_stored_are_looked_for_each_minute() {
    let mut answers = with_answer(1, "+CNMI: 2,1,0,2,0");
    answers[2] = "+CPMS: (\"SM\",\"SR\"),(\"SM\"),(\"SM\")";
    let mut player = ready_with(settings(), answers);
    let sweep = "> AT+CMGL=4\n< OK\n> AT+CPMS=\"SR\"\n< OK\n> AT+CMGL=4\n< OK\n";
    player.play(sweep);
    player
        .play(&format!(
            "~ 60000\n> AT+CSQ\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK\n\
             > AT+CPMS?\n< +CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50\n< OK\n{sweep}"
        ))
        .done();
}

#[test]
fn texts_that_are_to_stay_on_the_sim_are_handed_on_once() {
    let mut keeping = settings();
    keeping.delete_from_sim = false;
    let mut player = ready_with(keeping, USUAL);
    player.play(&format!(
        "> AT+CMGL=4\n< +CMGL: 1,0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n+ kept 1\n\
         > AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 1,1,,21\n< {HI}\n< OK\n\
         < +CMTI: \"SM\",-1\n> AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 1,1,,21\n< {HI}\n< OK"
    ));
    player.done();
}

#[test]
fn what_is_not_kept_is_found_again_a_minute_later() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
             ~ 60000\n> AT+CSQ\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK\n> AT+CPMS?\n< OK\n\
             > AT+CPMS=\"SM\"\n< OK\n> AT+CMGL=4\n< +CMGL: 7,1,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot\n+ kept 1\n> AT+CMGD=7\n< OK\n\
             > AT+CPMS?\n< OK\n> AT+CMGL=4\n< OK"
        ))
        .done();
}

#[test]
fn a_memory_that_fills_again_without_a_word_is_looked_at_until_nothing_is_found() {
    // Twenty texts a minute came out of a SIM of 20 slots whose modem had lost its announcements.
    let other = text('x', 1);
    ready_with(settings(), USUAL)
        .play(&format!(
            "> AT+CMGL=4\n< +CMGL: 1,0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n+ kept 1\n\
             > AT+CMGD=1\n< OK\n> AT+CPMS?\n< OK\n> AT+CMGL=4\n< +CMGL: 1,0,,20\n< {other}\n< OK\n\
             ! received 28 octets from a slot\n+ kept 2\n> AT+CMGD=1\n< OK\n\
             > AT+CPMS?\n< OK\n> AT+CMGL=4\n< OK\n~ 59000"
        ))
        .done();
}

#[test]
fn a_modem_that_wants_all_three_memories_is_given_them() {
    // transcript 13, Brovi E3372-325.
    let mut answers = with_answer(2, "+CPMS: (\"ME\",\"SM\"),(\"ME\",\"SM\"),(\"ME\",\"SM\")");
    answers[3] = "+CPMS: \"ME\",0,100,\"ME\",0,100,\"SM\",0,50";
    let mut player = ready_with(settings(), answers);
    player
        .play(
            "> AT+CMGL=4\n< OK\n> AT+CPMS=\"SM\"\n< +CMS ERROR: 302\n> AT+CPMS=\"SM\",\"ME\",\"SM\"\n\
             < +CPMS: 0,50,0,100,0,50\n< OK\n> AT+CMGL=4\n< OK",
        )
        .done();
}

#[test]
fn a_text_announced_before_the_first_look_does_not_hide_a_memory_that_wants_all_three_names() {
    let mut player = Player::with(settings());
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
    player
        .play(&format!(
            "~ 0\n> AT+CSMS?\n< OK\n> AT+CNMI?\n< +CMTI: \"ME\",0\n< OK\n> AT+CPMS=?\n\
             < +CPMS: (\"ME\"),(\"ME\"),(\"ME\")\n< OK\n> AT+CPMS?\n\
             < +CPMS: \"SM\",0,20,\"ME\",1,100,\"ME\",1,100\n< OK\n> AT+CPMS=\"ME\"\n< +CMS ERROR: 302\n\
             > AT+CPMS=\"ME\",\"ME\",\"ME\"\n< OK\n> AT+CMGR=0\n< +CMGR: 0,,21\n< {HI}\n< OK\n\
             ! received 29 octets from a slot"
        ))
        .done();
}

#[test]
fn a_memory_that_cannot_be_selected_is_left_out() {
    let two = with_answer(2, "+CPMS: (\"ME\",\"SM\"),(\"SM\"),(\"SM\")");
    let mut player = ready_with(settings(), two);
    player
        .play(
            "> AT+CPMS=\"ME\"\n< ERROR\n> AT+CPMS=\"ME\",\"SM\",\"SM\"\n< ERROR\n\
             > AT+CPMS=\"SM\",\"SM\",\"SM\"\n< OK\n> AT+CMGL=4\n< OK",
        )
        .done();
}

#[test]
fn a_phone_that_stores_nothing_is_not_looked_through() {
    // transcript 38, Nokia S60.
    let none = with_answer(2, "+CPMS: (),(),()");
    let mut player = Player::with(settings());
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
    player.play(&format!(
        "~ 0\n> AT+CSMS?\n< {}\n< OK\n> AT+CNMI?\n< {}\n< OK\n> AT+CPMS=?\n< {}\n< OK\n> AT+CPMS?\n< ERROR\n~ 50000",
        none[0], none[1], none[2]
    ));
    player.done();
}

#[test]
fn a_modem_set_up_anew_is_looked_through_and_nothing_is_deleted_by_old_knowledge() {
    ready()
        .play(&format!(
            "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}\n< OK\n! received 29 octets from a slot\n\
             < +CPIN: NOT READY\n> AT+CPIN?\n! starting\n+ kept 1\n< +CPIN: READY\n< OK\n> AT+CFUN?\n< +CFUN: 1\n< OK\n> AT+CIMI\n\
             < 234150000000002\n< OK\n> AT+CCID\n< +CCID: 8944110068256270062\n< OK\n> AT+CNUM\n< OK\n\
             > AT+CREG=2\n< OK\n> AT+CEREG=2\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK\n> AT+COPS=3,2"
        ))
        .play(MESSAGES)
        .play(RECEIVING)
        .done();
}

#[test]
fn what_was_read_before_the_sim_was_taken_out_is_not_handed_on_under_the_name_of_the_device() {
    // The store would not know it when it is read again: it was in the inbox twice.
    let listed: String = (b'a'..=b'q')
        .zip(1u8..)
        .map(|(letter, n)| format!("< +CMGL: {n},0,,20\n< {}\n", text(letter.into(), n)))
        .collect();
    let handed_on = "! received 28 octets from a slot\n".repeat(16);
    ready_with(settings(), USUAL)
        .play(&format!(
            "> AT+CMGL=4\n{listed}< OK\n{handed_on}< +CPIN: NOT INSERTED\n> AT+CPIN?\n! starting\n\
             < +CME ERROR: 10\n! no_sim: no SIM: insert one, or check that it sits well\n+ kept 1"
        ))
        .done();
}

#[test]
fn a_text_holds_what_the_sim_says_its_number_is() {
    let mut player = ready();
    player.play(&format!(
        "< +CMTI: \"SM\",7\n> AT+CMGR=7\n< +CMGR: 0,,21\n< {HI}"
    ));
    player.hand(Input::Octets(b"\r\nOK\r\n"));
    let Some(Output::Event(ModemEvent::Received { sim, to, .. })) = player.session.poll() else {
        panic!("nothing was received");
    };
    assert_eq!(sim.as_str(), "8944110068256270054");
    assert_eq!(to.as_deref(), Some("+447700900321"));
}
