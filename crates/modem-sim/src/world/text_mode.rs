//! Conversations with a simulated modem in text mode, and with its lesser commands.

use serde_json::json;

use super::player::Player;

const FRIEND: &str = "+447700900123";

/// The host has done what every host does first, and wants text mode.
fn text_mode() -> Player {
    let mut player = Player::new();
    player.play("> ATE0\n<< ATE0\\r\n< OK\n> AT+CMEE=1;+CNMI=2,1,0,1,0;+CMGF=1\n< OK");
    player
}

fn arrives(player: &mut Player, text: &str) {
    let text = json!({ "from": FRIEND, "text": text });
    player.obey(json!({ "do": "deliver", "modem": 0, "texts": [text] }));
}

#[test]
fn a_text_is_typed_and_reaches_its_phone() {
    let mut player = text_mode();
    player.play(
        "
        > AT+CMGS=\"+447700900123\"
        ~ 20
        < >
        > Hello there^Z
        ~ 500
        < +CMGS: 64
        < OK
    ",
    );
    assert_eq!(player.reads(FRIEND), ["Hello there"]);
}

#[test]
fn each_line_of_a_typed_text_has_its_prompt() {
    let mut player = text_mode();
    player.play(
        "
        > AT+CMGS=\"447700900123\",145
        ~ 20
        < >
        > one
        < >
        > two^Z
        ~ 500
        < +CMGS: 64
        < OK
    ",
    );
    assert_eq!(player.reads(FRIEND), ["one\ntwo"]);
}

#[test]
fn a_report_is_asked_for_by_the_first_octet_and_told_in_words() {
    let mut player = text_mode();
    player.play(
        r#"
        > AT+CSMP=49,167,0,0
        < OK
        > AT+CSMP?
        < +CSMP: 49,167,0,0
        < OK
        > AT+CMGS="+447700900123"
        ~ 20
        < >
        > hi^Z
        ~ 500
        < +CMGS: 64
        < OK
        ~ 1000
        << \r\n+CDS: 6,64,"+447700900123",145,"09/02/14,07:31:30+32","09/02/14,07:31:31+32",0\r\n
    "#,
    );
}

#[test]
fn characters_are_those_of_the_set_that_was_chosen() {
    let mut player = text_mode();
    // "Grüße" and then "您好", which is not of the default alphabet.
    player.play(
        r#"
        > AT+CSCS="UCS2"
        < OK
        > AT+CMGS="002B003400340037003700300030003900300030003100320033"
        ~ 20
        < >
        > 0047007200FC00DF0065^Z
        ~ 500
        < +CMGS: 64
        < OK
        > AT+CMGS="002B003400340037003700300030003900300030003100320033"
        ~ 20
        < >
        > 60A8597D^Z
        < +CMS ERROR: 305
        > AT+CSMP=17,167,0,8
        < OK
        > AT+CMGS="002B003400340037003700300030003900300030003100320033"
        ~ 20
        < >
        > 60A8597D^Z
        ~ 500
        < +CMGS: 65
        < OK
    "#,
    );
    assert_eq!(player.reads(FRIEND), ["Grüße", "您好"]);
}

#[test]
fn texts_are_listed_and_read_in_words() {
    let mut player = text_mode();
    arrives(&mut player, "see you [soon]");
    player.play(
        r#"
        < +CMTI: "SM",1
        > AT+CMGL=?
        < +CMGL: ("REC UNREAD","REC READ","STO UNSENT","STO SENT","ALL")
        < OK
        > AT+CMGL
        << \r\n+CMGL: 1,"REC UNREAD","+447700900123",,"09/02/14,07:31:30+32"\r\nsee you <soon>\r\n
        < OK
        > AT+CMGL="REC UNREAD"
        < OK
    "#
        // Brackets are an escape and another character there.
        .replace("<soon>", "\u{1B}<soon\u{1B}>")
        .as_str(),
    );
    player.play(
        r#"
        > AT+CSCS="IRA";+CSDH=1
        < OK
        > AT+CMGR=1
        << \r\n+CMGR: "REC READ","+447700900123",,"09/02/14,07:31:30+32",145,4,0,0,"+8613800100500",145,16\r\nsee you [soon]\r\n
        < OK
        > AT+CMGL="ALL"
        << \r\n+CMGL: 1,"REC READ","+447700900123",,"09/02/14,07:31:30+32",145,16\r\nsee you [soon]\r\n
        < OK
        > AT+CMGL="NEW"
        < +CMS ERROR: 303
    "#,
    );
}

#[test]
fn a_text_that_is_handed_over_comes_in_words_too() {
    let mut player = text_mode();
    player.play("> AT+CNMI=2,2,0,1,0\n< OK");
    arrives(&mut player, "您好");
    player.play("<< \\r\\n+CMT: \"+447700900123\",,\"09/02/14,07:31:30+32\"\\r\\n60A8597D\\r\\n");
}

#[test]
fn what_is_no_number_or_no_submission_is_refused_before_the_prompt() {
    text_mode().play(
        "
        > AT+CMGS=\"call me\"
        < +CMS ERROR: 305
        > AT+CMGS=18,1,1
        < +CMS ERROR: 305
        > AT+CSMP=0
        < +CMS ERROR: 305
        > AT+CSMP=25,167
        < +CMS ERROR: 305
        > AT+CSMP=?
        < OK
    ",
    );
}

#[test]
fn a_typed_text_of_more_than_one_part_is_refused_and_the_next_one_sent() {
    let mut player = text_mode();
    player.play(&format!(
        "
        > AT+CMGS=\"+447700900123\"
        ~ 20
        < >
        > {}^Z
        < +CMS ERROR: 305
        > AT+CMGS=\"+447700900123\"
        ~ 20
        < >
        > {}^Z
        ~ 500
        < +CMGS: 64
        < OK
    ",
        "a".repeat(161),
        "a".repeat(160)
    ));
    assert_eq!(player.reads(FRIEND), ["a".repeat(160)]);
}

#[test]
fn the_device_tells_of_itself() {
    text_mode().play(
        "
        > AT+CPAS
        < +CPAS: 0
        < OK
        > AT+CBC
        < +CBC: 2,100
        < OK
        > AT+CGATT?
        < +CGATT: 1
        < OK
        > AT+CHUP
        < OK
        > AT+IFC?
        < +IFC: 2,2
        < OK
        > AT+IFC=0;+IFC?
        < +IFC: 0,0
        < OK
        > AT+IFC=3,0
        < +CME ERROR: 3
        > AT+CREG=0;+CSDH?
        < +CSDH: 0
        < OK
    ",
    );
}
