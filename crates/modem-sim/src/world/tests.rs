//! Conversations with a simulated modem, and what its network makes of them.

use serde_json::json;

use super::player::Player;

/// "hello" to +447700900123 with a report wanted (transcripts/03).
const HELLO: &str = "0021000C91447700091032000005E8329BFD06";
const FRIEND: &str = "+447700900123";

/// What the modem says of it one second after acceptance: 13 February 2009, 23:31:30 UTC is 07:31:30 on the
/// 14th in China.
const REPORT: &str = "<< \\r\\n+CDS: 25\\r\\n0891683108100005F006400C91447700091032902041701303239020417013132300\\r\\n";

/// "hi" from there.
const HI: &str = "0891683108100005F0040C9144770009103200009020417013032302E834";

#[track_caller]
fn play(conversation: &str) {
    Player::new().play(conversation);
}

/// A modem whose host has done what every host does first.
fn quiet() -> Player {
    let mut player = Player::new();
    player.play("> ATE0\n<< ATE0\\r\n< OK\n> AT+CMEE=1;+CNMI=2,1,0,1,0\n< OK");
    player
}

fn send(player: &mut Player, reference: u8) {
    player.play(&format!(
        "> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 500\n< +CMGS: {reference}\n< OK"
    ));
}

#[test]
fn echo_is_on_until_it_is_turned_off() {
    play(
        r"
        > AT
        << AT\r\r\nOK\r\n
        > ATE0
        << ATE0\r\r\nOK\r\n
        > AT
        << \r\nOK\r\n
        > AT+CFUN=1,1
        < OK
        > AT
        << AT\r\r\nOK\r\n
    ",
    );
}

#[test]
fn results_come_as_digits_after_v0() {
    play(
        r"
        > ATE0
        << ATE0\r\r\nOK\r\n
        > ATV0
        << 0\r
        > AT+CSQ
        << +CSQ: 20,99\r\n0\r
        > AT^CURC=0
        << 4\r
        > ATV1
        < OK
    ",
    );
}

#[test]
fn who_the_modem_is() {
    quiet().play(
        "
        > AT+CGMI
        < Cellpost
        < OK
        > AT+CNUM
        < +CNUM: \"\",\"+8613900000001\",145
        < OK
        > AT+CPIN?
        < +CPIN: READY
        < OK
        > AT+COPS=3,2;+COPS?
        < +COPS: 0,2,\"46000\",7
        < OK
        > AT+CSCA?
        < +CSCA: \"+8613800100500\",145
        < OK
    ",
    );
}

#[test]
fn a_text_is_sent_and_its_report_arrives() {
    let mut player = quiet();
    player.play(&format!(
        "
        > AT+CMGS=18
        ~ 19
        ~ 1
        < >
        > {HELLO}^Z
        ~ 499
        ~ 1
        < +CMGS: 64
        < OK
        ~ 999
        ~ 1
        {REPORT}
        "
    ));
}

#[test]
fn the_handset_has_the_text_and_the_ledger_has_its_line() {
    let mut player = quiet();
    send(&mut player, 64);
    assert_eq!(player.reads(FRIEND), ["hello"]);
    let entry = serde_json::to_value(&player.entries[0]).unwrap();
    assert_eq!(entry["mr"], 64);
    assert_eq!(entry["to"], FRIEND);
    assert_eq!(entry["text"], "hello");
    assert_eq!(entry["pdu"], HELLO);
    assert_eq!(entry["concat"], json!(null));
    assert_eq!(entry["cmgs_ns"], 1_000_000_000_u64);
    assert_eq!(entry["prompt_ns"], 1_020_000_000_u64);
    assert_eq!(entry["pdu_ns"], 1_020_000_000_u64);
    assert_eq!(entry["answer_ns"], 1_520_000_000_u64);
}

#[test]
fn the_reference_wraps_after_255() {
    let mut player = quiet();
    player.fault(json!({ "kind": "no_reports" }));
    for reference in (64..=255).chain([0, 1]) {
        send(&mut player, reference);
    }
}

#[test]
fn escape_leaves_the_prompt_and_nothing_is_sent() {
    let mut player = quiet();
    player.play(&format!(
        "
        > AT+CMGS=18
        ~ 20
        < >
        > {HELLO}^[
        < OK
        ~ 10000
        > AT
        < OK
        "
    ));
    assert_eq!(player.entries.len(), 0);
    assert_eq!(player.world.stats()[0].aborted, 1);
}

#[test]
fn with_echo_on_the_pdu_comes_back_too() {
    play(&format!(
        r"
        > AT+CMGS=18
        << AT+CMGS=18\r
        ~ 20
        < >
        > {HELLO}^Z
        << {HELLO}{ctrl_z}
        ~ 500
        < +CMGS: 64
        < OK
        ~ 5000
        ",
        ctrl_z = '\u{1A}'
    ));
}

#[test]
fn what_is_no_submit_of_that_length_is_refused_by_the_modem() {
    let mut player = quiet();
    for pdu in [
        "0021000C91447700091032000005E8329BFD",   // one octet short
        "0020000C91447700091032000005E8329BFD06", // no SMS-SUBMIT
        "0021000C9144770009103200000xE8329BFD06", // no hex
        "",
    ] {
        player.play(&format!(
            "> AT+CMGS=18\n~ 20\n< >\n> {pdu}^Z\n< +CMS ERROR: 304"
        ));
    }
    assert_eq!(player.world.stats()[0].refused, 4);
    player.play("> AT+CMGS=abc\n< +CMS ERROR: 304\n> AT+CMEE=0\n< OK\n> AT+CMGS=9999\n< ERROR");
}

#[test]
fn without_a_service_centre_nothing_is_sent() {
    let mut player = quiet();
    player.play(&format!(
        r#"
        > AT+CSCA=""
        < OK
        > AT+CMGS=18
        ~ 20
        < >
        > {HELLO}^Z
        < +CMS ERROR: 330
        > AT+CSCA="8613800100500",145
        < OK
        "#
    ));
    send(&mut player, 64);
}

#[test]
fn commands_written_ahead_wait_their_turn() {
    let mut player = quiet();
    player.play(&format!(
        "
        > AT+CMGS=18
        > {HELLO}^Z
        > AT+CSQ
        ~ 20
        < >
        ~ 500
        < +CMGS: 64
        < OK
        < +CSQ: 20,99
        < OK
        ~ 1000
        {REPORT}
        "
    ));
}

#[test]
fn a_refusal_is_counted_from_now() {
    let mut player = quiet();
    player.fault(json!({ "kind": "refuse", "sends": [[2, 38]] }));
    player.fault(json!({ "kind": "no_reports" }));
    send(&mut player, 64);
    player.play(&format!(
        "> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 500\n< +CMS ERROR: 38"
    ));
    send(&mut player, 66);
    assert_eq!(player.reads(FRIEND).len(), 2);
}

#[test]
fn a_prompt_that_never_comes_is_left_by_escape() {
    let mut player = quiet();
    player.fault(json!({ "kind": "prompt_never" }));
    player.play("> AT+CMGS=18\n~ 5000\n> AT\n~ 1000\n> ^[\n< OK\n> AT\n< OK");
    player.fault(json!({ "kind": "prompt_late", "ms": 3000 }));
    player.play("> AT+CMGS=18\n~ 3019\n~ 1\n< >\n> ^[\n< OK");
}

#[test]
fn silence_ignores_and_says_nothing() {
    let mut player = quiet();
    player.fault(json!({ "kind": "silence", "for_ms": 3000 }));
    player.play("> AT\n~ 2999\n> AT\n~ 1\n> AT\n< OK");
    player.fault(json!({ "kind": "silence" }));
    player.play("> AT\n~ 100000");
    player.fault(json!({ "kind": "silence_ends" }));
    player.play("> AT\n< OK");
}

#[test]
fn a_lost_answer_is_an_accepted_text() {
    let mut player = quiet();
    player.fault(json!({ "kind": "answer_lost" }));
    player.fault(json!({ "kind": "no_reports" }));
    player.play(&format!(
        "> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 100000\n> AT\n< OK"
    ));
    assert_eq!(player.reads(FRIEND), ["hello"]);
    let entry = serde_json::to_value(&player.entries[0]).unwrap();
    assert_eq!(entry["answer_ns"], json!(null));
}

#[test]
fn a_late_answer_is_late_at_the_host_only() {
    let mut player = quiet();
    player.fault(json!({ "kind": "answer_late", "ms": 41000 }));
    player.fault(json!({ "kind": "no_reports" }));
    player.play(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 500"));
    assert_eq!(player.reads(FRIEND), ["hello"]);
    assert_eq!(player.world.accepted(), 1);
    player.play("~ 40999\n~ 1\n< +CMGS: 64\n< OK");
}

#[test]
fn a_report_may_come_before_its_answer() {
    let mut player = quiet();
    player.fault(json!({ "kind": "report_first" }));
    player.fault(json!({ "kind": "report_status", "status": 0x46 }));
    let at_once = REPORT.replace("9020417013132300", "9020417013032346");
    player.play(&format!(
        "
        > AT+CMGS=18
        ~ 20
        < >
        > {HELLO}^Z
        ~ 500
        {at_once}
        < +CMGS: 64
        < OK
        ~ 5000
        "
    ));
}

#[test]
fn unplugged_in_flight_the_network_has_the_text_and_nobody_was_told() {
    let mut player = quiet();
    player.play(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 100"));
    player.obey(json!({ "do": "unplug", "modem": 0 }));
    player.play("~ 5000");
    assert_eq!(player.reads(FRIEND), ["hello"]);
    let entry = serde_json::to_value(&player.entries[0]).unwrap();
    assert_eq!(entry["answer_ns"], json!(null));

    player.obey(json!({ "do": "plug", "modem": 0 }));
    player.play(&format!(
        "
        ~ 1000
        > AT+CNMI=2,1,0,1,0
        << AT+CNMI=2,1,0,1,0\\r
        < OK
        {REPORT}
        "
    ));
}

#[test]
fn a_report_that_came_into_the_prompt_survives_an_unplug() {
    let mut player = quiet();
    send(&mut player, 64);
    player.play("~ 500\n> AT+CMGS=18\n~ 20\n< >\n~ 1000");
    player.obey(json!({ "do": "unplug", "modem": 0 }));
    player.obey(json!({ "do": "plug", "modem": 0 }));
    player.play(&format!(
        "
        > ATE0
        << ATE0\\r
        < OK
        > AT+CNMI=2,1,0,1,0
        < OK
        {REPORT}
        "
    ));
}

#[test]
fn a_modem_that_loses_what_is_in_flight_has_not_sent_it() {
    let mut player = quiet();
    player.fault(json!({ "kind": "loses_in_flight" }));
    player.play(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 100"));
    player.obey(json!({ "do": "unplug", "modem": 0, "for_ms": 3000 }));
    player.play("~ 10000");
    assert_eq!(player.reads(FRIEND).len(), 0);
    assert_eq!(player.entries.len(), 0);
    player.play("> AT\n<< AT\\r\n< OK");
}

#[test]
fn an_answer_that_comes_after_a_replug_is_nobody_s() {
    let mut player = quiet();
    player.fault(json!({ "kind": "no_reports" }));
    player.play(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 100"));
    player.obey(json!({ "do": "unplug", "modem": 0, "for_ms": 50 }));
    player.play("~ 50\n> ATE0\n<< ATE0\\r\n< OK\n~ 1000");
    assert_eq!(player.entries.len(), 1);
}

#[test]
fn reports_are_dropped_when_the_host_wants_none() {
    let mut player = quiet();
    player.play("> AT+CNMI=2,1,0,0,0\n< OK");
    send(&mut player, 64);
    player.play("~ 5000\n> AT+CNMI=2,1,0,1,0\n< OK\n~ 5000");
}

#[test]
fn a_report_may_be_stored_instead() {
    let mut player = quiet();
    player.play("> AT+CNMI=2,1,0,2,0\n< OK");
    send(&mut player, 64);
    let stored = REPORT.replace("+CDS: 25", "+CMGR: 0,,25");
    player.play(&format!(
        "~ 1000\n< +CDSI: \"SR\",1\n> AT+CMGR=1\n< +CMS ERROR: 321\n> AT+CPMS=\"SR\"\n< +CPMS: 1,10,0,50,0,50\n< OK\n> AT+CMGR=1\n{stored}\n< OK"
    ));
}

#[test]
fn a_text_from_a_handset_is_stored_announced_read_and_deleted() {
    let mut player = quiet();
    player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
    player.play(&format!(
        r#"
        < +CMTI: "SM",1
        > AT+CPMS?
        < +CPMS: "SM",1,50,"SM",1,50,"SM",1,50
        < OK
        > AT+CMGL=0
        << \r\n+CMGL: 1,0,,21\r\n{HI}\r\n
        < OK
        > AT+CMGR=1
        << \r\n+CMGR: 1,,21\r\n{HI}\r\n
        < OK
        > AT+CMGD=1
        < OK
        > AT+CMGR=1
        < +CMS ERROR: 321
        > AT+CMGL=4
        < OK
        "#
    ));
}

#[test]
fn a_reply_goes_to_the_sim_that_wrote_last() {
    let mut player = Player::with_modems(2);
    let first = player.obey(json!({ "do": "reply", "number": FRIEND, "text": "who?" }));
    assert_eq!(first["modem"], 0);
    let now = crate::moment::Moment::fixed();
    let mut write = |text: &str| player.world.take(now, 1, text.as_bytes());
    write("AT+CMGS=18\r");
    write(&format!("{HELLO}\u{1A}"));
    player.play("~ 600");
    let second = player.obey(json!({ "do": "reply", "number": FRIEND, "text": "ah" }));
    assert_eq!(second["modem"], 1);
}

#[test]
fn a_text_to_the_number_of_another_sim_comes_to_its_modem() {
    let mut player = Player::with_modems(2);
    player.play("> ATE0\n<< ATE0\\r\n< OK");
    let now = crate::moment::Moment::fixed();
    let mut write = |text: &str| player.world.take(now, 1, text.as_bytes());
    write("AT+CMGS=19\r");
    write("0021000D91683109000000F1000005E8329BFD06\u{1A}");
    player.play("~ 600\n> AT+CPMS?\n< +CPMS: \"SM\",1,50,\"SM\",1,50,\"SM\",1,50\n< OK");
    assert_eq!(
        player.reads("+8613900000001"),
        ["hello"],
        "a phone has it as well"
    );
}

#[test]
fn a_text_may_go_straight_to_the_host() {
    let mut player = quiet();
    player.play("> AT+CSMS=1\n< +CSMS: 1,1,1\n< OK\n> AT+CNMI=2,2,0,1,0\n< OK");
    for text in ["hi", "hi"] {
        player.obey(json!({ "do": "reply", "number": FRIEND, "text": text }));
    }
    let cmt = format!(r"<< \r\n+CMT: ,21\r\n{HI}\r\n");
    player.play(&format!(
        "
        {cmt}
        > AT+CNMA
        < OK
        {cmt}
        ~ 17000
        > AT+CNMA
        < +CMS ERROR: 340
        > AT+CNMI?
        < +CNMI: 2,0,0,0,0
        < OK
        "
    ));
}

#[test]
fn a_full_store_keeps_texts_in_the_network_until_there_is_room() {
    let mut player = quiet();
    for n in 1..=52 {
        player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
        if n <= 50 {
            player.play(&format!("< +CMTI: \"SM\",{n}"));
        }
    }
    player.play(
        "~ 1000\n> AT+CMGD=7\n< OK\n< +CMTI: \"SM\",7\n> AT+CMGD=1,4\n< OK\n< +CMTI: \"SM\",1",
    );
    player.fault(json!({ "kind": "storage_full" }));
    player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
    player.play("~ 1000\n> AT+CPMS=\"SM\"\n< +CPMS: 50,50,50,50,50,50\n< OK");
    player.fault(json!({ "kind": "storage_full", "on": false }));
    player.play("< +CMTI: \"SM\",2");
}

#[test]
fn no_announcement_comes_into_the_prompt() {
    let mut player = quiet();
    player.fault(json!({ "kind": "no_reports" }));
    player.play("> AT+CMGS=18\n~ 20\n< >");
    player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
    player.play(&format!(
        "~ 1000\n> {HELLO}^Z\n< +CMTI: \"SM\",1\n~ 500\n< +CMGS: 64\n< OK"
    ));
}

#[test]
fn a_lost_network_is_announced_and_refuses() {
    let mut player = quiet();
    player.play("> AT+CREG=2\n< OK\n> AT+CREG?\n< +CREG: 2,1,\"18D8\",\"0B88E350\",7\n< OK");
    player.fault(json!({ "kind": "unregistered" }));
    player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
    player.play(&format!(
        "
        < +CREG: 2
        > AT+CREG?
        < +CREG: 2,2
        < OK
        > AT+CMGS=18
        ~ 20
        < >
        > {HELLO}^Z
        < +CMS ERROR: 331
        "
    ));
    player.fault(json!({ "kind": "unregistered", "on": false }));
    player.play("< +CREG: 1,\"18D8\",\"0B88E350\",7\n< +CMTI: \"SM\",1");
}

#[test]
fn output_in_fragments_takes_its_time() {
    let mut player = quiet();
    player.fault(json!({ "kind": "fragments", "octets": 2 }));
    player.play("> AT\n<< \\r\\n\n~ 1\n<< OK\n~ 1\n<< \\r\\n");
    player.fault(json!({ "kind": "fragments", "octets": 0 }));
    player.play("> AT\n< OK");
}

#[test]
fn any_line_can_be_put_into_the_modem_s_mouth() {
    let mut player = quiet();
    player.fault(json!({ "kind": "urc", "text": "^RSSI:18" }));
    player.play("< ^RSSI:18\n> AT\n< OK");
}

#[test]
fn texts_for_an_unplugged_modem_wait() {
    let mut player = quiet();
    player.obey(json!({ "do": "unplug", "modem": 0 }));
    player.obey(json!({ "do": "reply", "number": FRIEND, "text": "hi" }));
    player.obey(json!({ "do": "plug", "modem": 0 }));
    // Before +CNMI the SIM stores silently, as 27.005 has it.
    player.play("> ATE0\n<< ATE0\\r\n< OK\n> AT+CMGD=?\n< +CMGD: (1),(0-4)\n< OK");
}

#[test]
fn any_octets_whatever_never_stop_the_modem() {
    use rand::{Rng, SeedableRng};
    let mut chance = rand::rngs::StdRng::seed_from_u64(1);
    let mut player = quiet();
    let now = crate::moment::Moment::fixed();
    for round in 0..2000 {
        let mut octets: Vec<u8> = (0..40).map(|_| chance.random()).collect();
        if round % 2 == 0 {
            octets.splice(0..0, *b"\rAT+C");
        }
        player.world.take(now, 0, &octets);
        while player.world.poll().is_some() {}
    }
    player.world.take(now, 0, b"\x1b\rATE0V1\r");
}
