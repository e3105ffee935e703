//! Conversations between a session and a modem.
//!
//! `>` we write (`^[` ESC, `^Z` Ctrl-Z, `PDU1` the part of ticket 1), `<` the modem says a line, `<<` octets as
//! they are, `+` an order or another input, `!` we announce, `~` milliseconds pass, `#` says why.
//! Whatever the session says must be in the script, in that order.

mod asking;
#[cfg(feature = "sim")]
mod makes;
mod receiving;

use std::collections::{HashMap, HashSet};

use pdu_codec::Reference;
use proptest::prelude::*;

mod transcripts;

use super::*;
use crate::domain::{
    Body, Destination, Encoding, ModemName, Network, PartNumber, PduDigest, Pepper,
};
use crate::modem::encode::encode;
use crate::modem::profile::Profiles;
use crate::modem::{Outcome, Pin, Submit, Ticket};

#[test]
fn a_modem_is_set_up_from_silence_to_ready() {
    ready().done();
}

#[test]
fn echo_and_numeric_results_are_coped_with_until_they_are_off() {
    Player::new()
        .play(
            r"
            > ^[
            ~ 100
            > AT
            << AT\r0\r
            ~ 100
            > ATE0
            << ATE0\r0\r
            > ATV1
            < OK
            > ATQ0
            < OK
            > AT+CMEE=1
            < ERROR
            > AT+CMEE=2
            < ERROR
            > AT+CGMI
        ",
        )
        .done();
}

#[test]
fn a_modem_stuck_in_a_prompt_is_freed_by_esc_and_never_by_ctrl_z() {
    // transcript 06
    Player::new()
        .play(
            r"
            > ^[
            ~ 100
            > AT
            ~ 1000
            > AT
            << AT\r\n> 
            > ^[
            < OK
            ~ 300
            > AT
            < OK
            # more than one AT was written: its other OK may still come
            < OK
            ~ 100
            > ATE0
        ",
        )
        .done();
}

#[test]
fn a_modem_that_answers_nothing_is_given_up_after_ten_tries() {
    let mut player = Player::new();
    player.play("> ^[\n~ 100");
    for at in 1..=10 {
        player.play("> AT\n~ 1000");
        if at == 5 {
            player.play("> ^[\n~ 300");
        }
    }
    player.play("! depart Silent").done();
}

#[test]
fn what_says_nothing_of_itself_is_no_modem() {
    Player::new()
        .play(WAKING)
        .play(
            r"
            > AT+CGMI
            < ERROR
            > AT+CGMM
            < ERROR
            > AT+CGMR
            < ERROR
            > AT+CGSN
            < ERROR
            ! depart Unfit
        ",
        )
        .done();
}

#[test]
fn a_question_that_is_not_answered_is_asked_twice_and_then_left() {
    Player::new()
        .play(WAKING)
        .play(
            r"
            > AT+CGMI
            ~ 5000
            > ^[
            ~ 300
            > AT
            < OK
            ~ 300
            > AT+CGMI
            ~ 5000
            > AT+CGMM
        ",
        )
        .done();
}

#[test]
fn a_sim_inserted_later_is_found() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(
        r"
        > AT+CPIN?
        < +CME ERROR: 10
        ! no_sim: no SIM: insert one, or check that it sits well
        + prepare 1
        ! 1 never left: sim_missing
        ~ 9999
        ~ 1
        > AT+CPIN?
        < +CME ERROR: SIM failure
        # an announcement saves the wait
        < +CPIN: READY
        > AT+CPIN?
        < +CPIN: READY
        < OK
        > AT+CFUN?
        ! starting
    ",
    );
    player.done();
}

#[test]
fn a_locked_sim_asks_for_a_person() {
    for (said, error) in [
        ("+CPIN: \"SIM PIN\"", "name a file that holds it (pin_file)"),
        ("+CPIN:SIM PUK", "enter the PUK"),
        ("+CPIN: PH-NET PIN", "locked to another SIM or network"),
    ] {
        let mut player = Player::new();
        player.play(WAKING).play(IDENTIFYING).play("> AT+CPIN?");
        player.says(&format!("{said}\r\n\r\nOK"));
        let told = player.said().unwrap();
        assert!(told.starts_with("! pin_required: "), "{told}");
        assert!(told.contains(error), "{told}");
        player.play("+ prepare 1\n! 1 never left: sim_locked\n~ 10000\n> AT+CPIN?");
        player.done();
    }
}

#[test]
fn a_busy_sim_is_asked_every_two_seconds() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(
        r"
        > AT+CPIN?
        < +CME ERROR: 14
        ~ 2000
        > AT+CPIN?
        < +CME ERROR: 515
        ~ 2000
        > AT+CPIN?
        < +CPIN: NOT READY
        < OK
        ~ 2000
        > AT+CPIN?
        # Wavecom says no OK
        < +CPIN: READY
        ~ 1000
        > AT+CFUN?
    ",
    );
    player.done();
}

#[test]
fn a_modem_without_network_waits_for_it_and_says_so() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(SIM).play(
        r"
            > AT+CREG?
            < +CREG: 1,2
            < OK
            > AT+CEREG?
            < ERROR
            ! registering
            + prepare 1
            ! 1 never left: no_network
        ",
    );
    assert_eq!(player.status().network, Network::Searching);
    for _ in 1..18 {
        player.play("~ 10000\n> AT+CPIN?\n< +CPIN: READY\n< OK");
        player.play("> AT+CREG?\n< +CREG: 1,2\n< OK\n> AT+CEREG?\n< ERROR");
    }
    player
        .play(
            r"
            ~ 10000
            > AT+CPIN?
            < +CPIN: READY
            < OK
            > AT+CREG?
            < +CREG: 1,2
            < OK
            > AT+CEREG?
            < ERROR
            ! no_network: no network: check antenna, coverage and whether the SIM is active
            # the announcement saves the wait
            ~ 500
            < +CREG: 5
            > AT+CREG?
            < +CREG: 1,5
            < OK
            > AT+COPS=3,2
            ! starting
        ",
        )
        .play(MESSAGES)
        .done();
}

#[test]
fn a_sim_that_was_taken_out_is_not_taken_for_a_missing_network() {
    ready()
        .play(
            r"
            < +CREG: 0
            > AT+CSQ
            < +CSQ: 99,99
            < OK
            > AT+CREG?
            < +CREG: 1,0
            < OK
            > AT+CEREG?
            < +CEREG: 1,0
            < OK
            > AT+CREG?
            ! registering
            < +CREG: 1,0
            < OK
            > AT+CEREG?
            < +CEREG: 1,0
            < OK
            ~ 10000
            > AT+CPIN?
            < +CME ERROR: 10
            ! no_sim: no SIM: insert one, or check that it sits well
        ",
        )
        .done();
}

#[test]
fn a_sim_that_the_network_refuses_is_told_at_once() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(SIM).play(
        r"
        > AT+CREG?
        < +CREG: 1,3
        < OK
        > AT+CEREG?
        < +CEREG: 1,0
        < OK
        ! no_network: the network refuses this SIM: is it active, and allowed in this network?
    ",
    );
    assert_eq!(player.status().network, Network::Denied);
    player.done();
}

#[test]
fn a_registration_over_lte_alone_is_enough() {
    Player::new()
        .play(WAKING)
        .play(IDENTIFYING)
        .play(SIM)
        .play(
            r"
            > AT+CREG?
            < ERROR
            > AT+CEREG?
            < +CEREG: 1,1
            < OK
            > AT+COPS=3,2
        ",
        )
        .play(MESSAGES)
        .done();
}

#[test]
fn refused_forms_are_followed_by_the_next() {
    let mut player = Player::new();
    player
        .play(WAKING)
        .play(IDENTIFYING)
        .play(SIM)
        .play(REGISTERED)
        .play(OPERATOR)
        .play(
            r#"
            > AT+CSCS="GSM"
            < ERROR
            > AT+CSCS=GSM
            < ERROR
            > AT+CSCS="IRA"
            < ERROR
            > AT+CMGF=0
            < ERROR
            ~ 1000
            > AT+CMGF=0
            < OK
            > AT+CSMS=0
            < ERROR
            > AT+CPMS=?
            < ERROR
            > AT+CPMS="ME","ME","ME"
            # it has no memory of its own
            < +CPMS: 0,0,0,0,0,0
            < OK
            > AT+CPMS="ME","ME"
            < ERROR
            > AT+CPMS="ME"
            < ERROR
            > AT+CPMS="SM","SM","SM"
            < ERROR
            > AT+CPMS="SM","SM"
            < OK
            > AT+CPMS?
            < ERROR
            > AT+CNMI=?
            < ERROR
            > AT+CNMI=2,1,0,1,0
            < TOO MANY PARAMETERS
            > AT+CNMI=1,1,0,1,0
            < OK
            # taken, and not done
            > AT+CNMI?
            < +CNMI: 1,0,0,0,0
            < OK
            > AT+CNMI=2,1,0,2,0
            < OK
            > AT+CNMI?
            < ERROR
            > AT+CSCA?
            < +CSCA: "",129
            < OK
            > AT+CMMS=?
            < ERROR
            ! ready: the SIM has no service centre number: set smsc in the section of this modem
        "#,
        )
        .done();
}

#[test]
fn a_missing_service_centre_is_set_from_the_configuration() {
    let mut settings = settings();
    settings.smsc = Some("+447700900000".to_owned());
    Player::with(settings)
        .play(WAKING)
        .play(IDENTIFYING)
        .play(SIM)
        .play(REGISTERED)
        .play(OPERATOR)
        .play(STORAGE)
        .play(
            r#"
            > AT+CSCA?
            < +CSCA: ""
            < OK
            > AT+CSCA="+447700900000",145
            < OK
            > AT+CMMS=?
            < ERROR
            ! ready
        "#,
        )
        .done();
}

#[test]
fn what_a_modem_says_of_itself_is_in_its_status() {
    let status = ready().status();
    assert_eq!(status.imei.as_deref(), Some("490154203237518"));
    assert_eq!(status.imsi.as_deref(), Some("234150000000001"));
    assert_eq!(status.iccid.as_deref(), Some("8944110068256270054"));
    assert_eq!(status.number.as_deref(), Some("+447700900321"));
    assert_eq!(status.operator.as_deref(), Some("23415"));
    assert_eq!((status.network, status.tech), (Network::Home, Some("lte")));
    assert_eq!(status.signal_dbm, Some(-79));
}

#[test]
fn a_part_is_sent_and_its_reference_comes_back() {
    // transcript 03
    let mut player = ready();
    player.play(
        r"
        + prepare 1
        > AT+CMGS=19
        + go 1
        ~ 86
        <<  \r\n> 
        > PDU1^Z
        ~ 14441
        <<  \r\n+CMGS: 64\r\n\r\nOK\r\n
        ! 1 accepted 64 after 14441
        ~ 5992
        << \r\n+CDS: 25\r\n079144770009000006400C91447700091032621102900300006211029003600000\r\n
        ! report of 33 octets for 8944110068256270054
    ",
    );
    assert_eq!(player.status().mean_send, Duration::from_micros(5_305_125));
    player.done();
}

#[test]
fn the_prompt_may_come_before_the_word() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            << \r\n> 
            ~ 9999
            + go 1
            > PDU1^Z
            < +CMGS: 0
            < OK
            ! 1 accepted 0 after 0
        ",
        )
        .done();
}

#[test]
fn the_word_is_waited_for_in_the_prompt_for_ten_seconds() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            << \r\n>\r\n
            ~ 10000
            > ^[
            ! 1 never left: internal
            < +CMS ERROR: 512
            > AT
            < OK
            # too late: the part is answered
            + go 1
            + prepare 2
            > AT+CMGS=19
        ",
        )
        .done();
}

#[test]
fn the_next_part_is_held_behind_the_one_in_flight_and_follows_at_once() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + go 1
            << \r\n> 
            > PDU1^Z
            + prepare 2
            + prepare 3
            ! 3 never left: modem_lost
            ~ 500
            <<  \r\n+CMGS: 7\r\n\r\nOK\r\n
            > AT+CMGS=19
            ! 1 accepted 7 after 500
            << \r\n> 
            + go 2
            > PDU2^Z
            + prepare 3
            + go 3
            < +CMGS: 8
            < OK
            > AT+CMGS=19
            ! 2 accepted 8 after 0
            << \r\n> 
            > PDU3^Z
            < +CMGS: 9
            < OK
            ! 3 accepted 9 after 0
        ",
        )
        .done();
}

#[test]
fn a_part_withdrawn_in_the_prompt_is_left_by_esc() {
    // transcript 05, both variants, and a modem that says nothing to ESC
    for answer in [
        "< OK\n> AT\n< OK",
        "< +CMS ERROR: 512\n> AT\n< OK",
        // That OK may be the late answer to ESC.
        "~ 300\n> AT\n< OK\n~ 300",
    ] {
        ready()
            .play(
                r"
                + prepare 1
                > AT+CMGS=19
                << \r\n> 
                + prepare 2
                + withdraw 1
                > ^[
                ! 1 never left: modem_lost
            ",
            )
            .play(answer)
            .play(
                r"
                > AT+CMGS=19
                << \r\n> 
                + go 2
                > PDU2^Z
                < +CMGS: 1
                < OK
                ! 2 accepted 1 after 0
            ",
            )
            .done();
    }
}

#[test]
fn a_part_withdrawn_before_the_prompt_is_answered_at_once_and_left_in_the_prompt() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + withdraw 1
            ! 1 never left: modem_lost
            + prepare 2
            + prepare 3
            ~ 80
            << \r\n> 
            > ^[
            < OK
            > AT
            < OK
            > AT+CMGS=19
        ",
        )
        .done();
}

#[test]
fn a_held_part_is_withdrawn_without_a_word_to_the_modem() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + prepare 2
            + withdraw 2
            ! 2 never left: modem_lost
            + go 1
            << \r\n> 
            > PDU1^Z
            < +CMGS: 1
            < OK
            ! 1 accepted 1 after 0
        ",
        )
        .done();
}

#[test]
fn a_prompt_that_does_not_come_is_asked_for_once_more() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + go 1
            ~ 5000
            > ^[
            ! recovering: it gave no prompt: it is asked again
            ! escape begun
            ~ 300
            > AT
            < OK
            ~ 300
            > AT+CMGS=19
            ! ready
            ! escape helped
            << \r\n> 
            > PDU1^Z
            < +CMGS: 1
            < OK
            ! 1 accepted 1 after 0
        ",
        )
        .done();
}

#[test]
fn a_modem_without_prompts_is_given_up_and_nothing_has_left() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + go 1
            + prepare 2
            ~ 5000
            > ^[
            ! recovering: it gave no prompt: it is asked again
            ! escape begun
            ! 2 never left: modem_lost
            ~ 300
            > AT
            < OK
            ~ 300
            > AT+CMGS=19
            ! ready
            ! escape helped
            ~ 5000
            ! 1 never left: modem_lost
            ! depart Silent
        ",
        )
        .done();
}

#[test]
fn a_modem_that_is_silent_after_a_missing_prompt_is_given_up() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            ~ 5000
            > ^[
            ! recovering: it gave no prompt: it is asked again
            ! escape begun
            ~ 300
            > AT
            ~ 2000
            > AT
            ~ 2000
            > AT
            ~ 2000
            ! 1 never left: modem_lost
            ! depart Silent
        ",
        )
        .done();
}

#[test]
fn an_error_before_the_prompt_costs_the_part_nothing_when_it_is_about_the_modem() {
    let mut player = ready();
    player
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            + go 1
            < +CMS ERROR: 302
            # it is set up again
            > AT+CMGF=0
            ! starting
            ! 1 never left: network_rejected
            < OK
        ",
        )
        .play(STORAGE_ONLY)
        .play(SERVICE_CENTRE)
        .done();
}

#[test]
fn an_error_before_the_prompt_may_be_about_the_part() {
    ready()
        .play(
            r"
            + prepare 1
            > AT+CMGS=19
            < +CMS ERROR: 304
            ! 1 refused: network_rejected, Message
            + prepare 2
            > AT+CMGS=19
        ",
        )
        .done();
}

#[test]
fn an_error_after_ctrl_z_is_judged_by_its_code() {
    for (said, verdict) in [
        ("+CMS ERROR: 38", "refused: network_rejected, Network"),
        ("+CMS ERROR: 1", "refused: invalid_destination, Recipient"),
        ("+CMS ERROR: 8", "refused: barred, Sim"),
        ("+CMS ERROR: 500", "uncertain: timeout_uncertain"),
        ("+CME ERROR: 100", "uncertain: timeout_uncertain"),
        ("ERROR", "uncertain: timeout_uncertain"),
        ("OK", "uncertain: timeout_uncertain"),
        ("+CMS ERROR: 197", "accepted - after 0"),
    ] {
        let mut player = sending();
        player.play(&format!("< {said}\n! 1 {verdict}"));
        player.play("+ prepare 2\n> AT+CMGS=19").done();
    }
}

#[test]
fn a_late_38_is_uncertain() {
    sending()
        .play("~ 30000\n< +CMS ERROR: 38\n! 1 uncertain: timeout_uncertain")
        .done();
}

#[test]
fn an_answer_about_sim_or_network_is_followed_by_a_question() {
    for (said, asked, state, blame) in [
        ("310", "> AT+CPIN?", "starting", "refused: sim_missing, Sim"),
        (
            "331",
            "> AT+CREG?",
            "registering",
            "refused: no_network, Modem",
        ),
        (
            "330",
            "> AT+CMGF=0",
            "starting",
            "refused: network_rejected, Modem",
        ),
    ] {
        let mut player = sending();
        player.play("+ prepare 2").play(&format!(
            "< +CMS ERROR: {said}\n{asked}\n! {state}\n! 1 {blame}"
        ));
        let code = match state {
            "registering" => "no_network",
            _ => "modem_lost",
        };
        player.play(&format!("! 2 never left: {code}")).done();
    }
}

#[test]
fn the_echo_of_line_and_pdu_is_no_answer() {
    // transcript 04
    let mut player = ready();
    player.play(
        r"
        + prepare 1
        > AT+CMGS=19
        + go 1
        << AT+CMGS=19\r\r\n> 
        > PDU1^Z
    ",
    );
    let echo = format!("{}\x1a", pdu(1));
    player.octets(echo.as_bytes());
    player
        .play(
            r"
            ~ 3000
            << \r\n+CMS ERROR: 38\r\n
            ! 1 refused: network_rejected, Network
        ",
        )
        .done();
}

#[test]
fn announcements_between_prompt_and_result_are_nobodys_answer() {
    sending()
        .play(
            r#"
            < RING
            < ^RSSI:17
            < +CREG: 1
            < +CMTI: "SM",4
            < +CSQ: 9,99
            << +CMGS: 12,"07911326040011F5"\r\n\r\nOK\r\n
            > AT+CMGR=4
            ! 1 accepted 12 after 0
        "#,
        )
        .done();
}

#[test]
fn a_report_may_overtake_the_answer() {
    // transcript 39
    sending()
        .play(
            r"
            << \r\n+CDS: 25\r\n079144770009000006000C91447700091032621102900300006211029003100000\r\n
            ! report of 33 octets for 8944110068256270054
            << \r\n+CMGS: 0\r\n\r\nOK\r\n
            ! 1 accepted 0 after 0
        ",
        )
        .done();
}

#[test]
fn a_reference_without_ok_is_accepted_after_a_second() {
    sending()
        .play(
            r"
            < +CMGS: 64
            ~ 1000
            ! 1 accepted 64 after 1000
        ",
        )
        .done();
}

#[test]
fn the_modem_has_the_time_that_the_network_takes() {
    // transcript 07
    sending()
        .play(
            r"
            ~ 41300
            << \r\n+CMGS: 12\r\n\r\nOK\r\n
            ! 1 accepted 12 after 41300
        ",
        )
        .done();
}

#[test]
fn without_a_result_a_part_is_uncertain_and_its_late_reference_settles_it() {
    sending()
        .play(
            r"
            + prepare 2
            ~ 119999
            ~ 1
            > ^[
            ! recovering: it gave no result: it is asked again
            ! 1 uncertain: timeout_uncertain
            ! escape begun
            ! 2 never left: modem_lost
            ~ 300
            > AT
            << \r\n+CMGS: 12\r\n\r\nOK\r\n
            ! late 12
            # that OK may have been the late one: nothing follows before its own came
            < OK
            ~ 300
            > AT+CSQ
            ! ready
            ! escape helped
            < +CSQ: 10,99
            < OK
            > AT+CREG?
            + prepare 3
            < +CREG: 1,1
            < OK
            > AT+CMGS=19
            # after AT and OK no reference is anybody's but the next part's
            < +CMGS: 13
            << \r\n> 
            + go 3
            > PDU3^Z
            < +CMGS: 14
            < OK
            > AT+CPMS?
            ! 3 accepted 14 after 0
        ",
        )
        .done();
}

#[test]
fn a_lost_port_says_how_far_each_part_had_come() {
    let in_prompt = "+ prepare 1\n> AT+CMGS=19\n<< \\r\\n> ";
    for (before, outcome) in [
        ("+ prepare 1\n> AT+CMGS=19", "! 1 never left: modem_lost"),
        (in_prompt, "! 1 never left: modem_lost"),
        (
            "+ prepare 1\n> AT+CMGS=19\n+ withdraw 1\n! 1 never left: modem_lost",
            "",
        ),
    ] {
        ready()
            .play(before)
            .play("+ prepare 2\n+ gone")
            .play(outcome)
            .play("! 2 never left: modem_lost\n! depart PortLost")
            .done();
    }
    sending()
        .play("+ prepare 2\n+ gone")
        .play("! 1 uncertain: modem_lost\n! 2 never left: modem_lost\n! depart PortLost")
        .done();
    sending()
        .play("< +CMGS: 5\n+ gone\n! 1 accepted 5 after 0\n! depart PortLost")
        .done();
}

#[test]
fn stopping_leaves_a_prompt_and_writes_nothing_into_a_pending_result() {
    ready()
        .play("+ prepare 1\n> AT+CMGS=19\n<< \\r\\n> \n+ stop")
        .play("> ^[\n! 1 never left: modem_lost\n! depart Stopped")
        .play("+ prepare 2\n! 2 never left: modem_lost")
        .done();
    sending()
        .play("+ prepare 2\n+ stop")
        .play("! 1 uncertain: timeout_uncertain\n! 2 never left: modem_lost\n! depart Stopped")
        .done();
}

#[test]
fn after_an_unsettled_try_it_listens_before_it_writes() {
    let mut settings = settings();
    settings.listen_first = Some(Duration::from_secs(12));
    Player::with(settings.clone())
        .play(
            r"
            ~ 11999
            < +CREG: 1
            ~ 1
            > ^[
        ",
        )
        .done();
    let mut player = Player::with(settings);
    player.play(
        r"
        ~ 3000
        < +CMGS: 64
        > ^[
        ! late 64
        < OK
        ~ 100
        > AT
        # only one try was uncertain
        < +CMGS: 65
    ",
    );
    assert_eq!(player.session.unsettled(Some(player.now)), None);
    player.done();
}

#[test]
fn only_a_try_that_may_still_be_answered_is_unsettled() {
    let mut player = sending();
    let flown = player.now;
    player.play("+ gone\n! 1 uncertain: modem_lost\n! depart PortLost");
    assert_eq!(player.session.unsettled(None), Some(flown));
    let mut player = sending();
    player.play("< ERROR\n! 1 uncertain: timeout_uncertain");
    assert_eq!(player.session.unsettled(None), None);
}

#[test]
fn a_modem_at_rest_is_asked_for_signal_and_registration_each_minute() {
    let mut player = ready();
    player.play(
        r#"
        ~ 59999
        ~ 1
        > AT+CSQ
        << \r\n^RSSI:26\r\n\r\n+CSQ: 28,99\r\n\r\nOK\r\n
        > AT+CREG?
        < +CREG: 1,5
        < OK
        > AT+CPMS?
        < ERROR
        > AT+CPMS="SM"
        < +CPMS: 0,50,0,50,0,50
        < OK
        > AT+CMGL=4
        < OK
        ~ 60000
        > AT+CSQ
        # a part waits for the one answer
        + prepare 1
        < +CSQ: 28,99
        < OK
        > AT+CREG?
        < +CREG: 1,5
        < OK
        > AT+CMGS=19
    "#,
    );
    assert_eq!(player.status().network, Network::Roaming);
    assert_eq!(player.status().signal_dbm, Some(-57));
    player.done();
}

#[test]
fn a_modem_at_rest_that_misses_two_checks_is_opened_anew() {
    ready()
        .play(
            r"
            ~ 60000
            > AT+CSQ
            + prepare 1
            ~ 5000
            > ^[
            ! recovering: no answer to AT+CSQ: it is asked again
            ! escape begun
            ! 1 never left: modem_lost
            ~ 300
            > AT
            ~ 5000
            ! depart Silent
        ",
        )
        .done();
}

#[test]
fn while_it_drains_a_part_costs_one_line_and_checks_are_put_off_for_five_minutes() {
    let mut player = ready();
    player.play("+ prepare 1\n> AT+CMGS=19\n+ go 1");
    // 71 parts of 5 s: the check was due after 60 s and is put off to 360 s.
    for part in 1..=71 {
        player.play(&format!(
            "<< \\r\\n> \n> PDU{part}^Z\n+ prepare {next}\n+ go {next}\n~ 5000\n\
             < +CMGS: 1\n< OK\n> AT+CMGS=19\n! {part} accepted 1 after 5000",
            next = part + 1,
        ));
    }
    player
        .play(
            r#"
            << \r\n> 
            > PDU72^Z
            + prepare 73
            ~ 5000
            < +CMGS: 1
            < OK
            > AT+CSQ
            ! 72 accepted 1 after 5000
            < +CSQ: 10,99
            < OK
            > AT+CREG?
            < +CREG: 1,1
            < OK
            > AT+CPMS?
            < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
            < OK
            > AT+CMGL=4
            < OK
            > AT+CMGS=19
        "#,
        )
        .done();
}

#[test]
fn a_registration_that_is_lost_is_looked_into_and_parts_are_refused_until_it_is_back() {
    ready()
        .play(
            r"
            < +CREG: 2
            > AT+CSQ
            < +CSQ: 99,99
            < OK
            > AT+CREG?
            < +CREG: 1,2
            < OK
            > AT+CEREG?
            + prepare 1
            < ERROR
            > AT+CREG?
            ! registering
            ! 1 never left: no_network
            < +CREG: 1,1
            < OK
            > AT+COPS=3,2
            ! starting
        ",
        )
        .play(MESSAGES)
        .done();
}

#[test]
fn a_sim_taken_out_in_the_middle_of_a_part_is_looked_for_after_it() {
    sending()
        .play(
            r"
            < +CPIN: NOT INSERTED
            < +CMGS: 3
            < OK
            > AT+CPIN?
            ! starting
            ! 1 accepted 3 after 0
            < +CME ERROR: 10
            ! no_sim: no SIM: insert one, or check that it sits well
        ",
        )
        .done();
}

#[test]
fn a_report_that_comes_before_the_sim_is_known_waits_for_its_name() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING);
    player.play(
        r"
        > AT+CPIN?
        << \r\n+CDS: 25\r\n079144770009000006400C91447700091032621102900300006211029003600000\r\n
        < +CPIN: READY
        < OK
        > AT+CFUN?
        < +CFUN: 1
        < OK
        > AT+CIMI
        < 234150000000001
        < OK
        > AT+CCID
        < 8944110068256270054F
        < OK
        > AT+CNUM
        ! report of 33 octets for 8944110068256270054
    ",
    );
    player.done();
}

#[test]
fn a_text_that_cannot_be_encoded_is_refused_without_a_word_to_the_modem() {
    let mut player = ready();
    let mut submit = submit(1);
    submit.body = Body::parse("你好").unwrap();
    submit.encoding = Encoding::Gsm7;
    player.hand(Input::Order(Order::Prepare(Box::new(submit))));
    player.play("! 1 refused: not_encodable, Message").done();
}

#[test]
fn nothing_a_session_announces_holds_a_number_or_a_text() {
    let mut player = sending();
    player.says("+CMS ERROR: no route to +447700900123 hello");
    let Some(Output::Event(event)) = player.session.poll() else {
        panic!("no answer");
    };
    let said = format!("{event:?}");
    assert!(!said.contains("7700900123"), "{said}");
    assert!(!format!("{:?}", player.session).contains("E8329BFD06"));
}

#[test]
fn a_pin_is_entered_once_after_its_counter_was_read_and_the_house_agreed() {
    // transcript 17
    let mut player = locked();
    player.play(
        r#"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < +CPINR: SIM PIN,3,3
        < OK
        ! claim
        + claimed
        > AT+CPIN="1234"
        < OK
        ~ 2000
        > AT+CPIN?
        < +CME ERROR: 14
        ~ 2000
        > AT+CPIN?
        < +CPIN: READY
        < OK
        > AT+CFUN?
        ! opened
    "#,
    );
    player.done();
}

#[test]
fn a_pin_that_was_refused_is_never_entered_again() {
    let mut player = locked();
    player.play(
        r#"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < +CPINR: SIM PIN,3,3
        < OK
        ! claim
        + claimed
        > AT+CPIN="1234"
        < +CME ERROR: 16
        ~ 2000
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
        ! pin_required: the SIM refused the PIN of pin_file; 2 tries are left: correct the file and reload (SIGHUP) or restart
    "#,
    );
    for _ in 0..60 {
        player.play("~ 10000\n> AT+CPIN?\n< +CPIN: SIM PIN\n< OK");
    }
    player.done();
}

#[test]
fn a_pin_that_is_not_answered_is_not_entered_again() {
    let mut player = locked();
    player.play(
        r#"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < +CPINR: SIM PIN,3,3
        < OK
        ! claim
        + claimed
        > AT+CPIN="1234"
        ~ 15000
        ~ 2000
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
        ! pin_required: the PIN was entered, and the SIM wants it again: check it in a phone
        ~ 10000
        > AT+CPIN?
    "#,
    );
    player.done();
}

#[test]
fn a_restart_that_a_person_wants_does_not_wait_for_a_network() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(SIM);
    player.play("> AT+CREG?\n< +CREG: 1,2\n< OK\n> AT+CEREG?\n+ restart\n< ERROR");
    player
        .play("> AT+CFUN=1,1\n! recovering\n< OK\n! depart Restarting")
        .done();
}

#[test]
fn a_pin_is_not_entered_when_it_was_tried_before_or_has_one_try_left() {
    let mut player = locked();
    player.play(
        r"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < ERROR
        ! claim
        + denied
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
    ",
    );
    let told = player.said().unwrap();
    assert!(
        told.contains("this PIN was entered into this SIM before"),
        "{told}"
    );

    let mut player = locked();
    player.play(
        r"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < +CPINR: SIM PIN,1,3
        < OK
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
    ",
    );
    let told = player.said().unwrap();
    assert!(told.contains("the last is yours"), "{told}");
    player.done();
}

#[test]
fn a_house_that_cannot_remember_keeps_the_pin_from_being_entered() {
    let mut player = locked();
    player.play(
        r"
        > AT+CCID
        < 8944110068256270054
        < OK
        > AT+CPINR
        < +CPINR: SIM PIN,3,3
        < OK
        ! claim
        ~ 15000
        > AT+CPIN?
    ",
    );
    player.done();
}

#[test]
fn a_locked_sim_that_does_not_say_who_it_is_is_known_by_the_modem() {
    let with = |iccid: &str| {
        let mut player = locked();
        for form in [
            "+CCID",
            "+ICCID",
            "+QCCID",
            "+CICCID",
            "^ICCID?",
            "+ZGETICCID",
        ] {
            player.play(&format!("> AT{form}\n< ERROR"));
        }
        player.play("> AT+CRSM=176,12258,0,0,10").play(iccid);
        player.play("> AT+CPINR\n< ERROR");
        match player.session.poll() {
            Some(Output::Claim(lock)) => lock,
            other => panic!("{other:?}"),
        }
    };
    let by_modem = with("< ERROR");
    let by_sim = with("< +CRSM: 144,0,\"98441100862665720045\"\n< OK");
    assert_eq!(by_modem, with("< ERROR"));
    assert_ne!(by_modem, by_sim);
}

#[test]
fn texts_come_directly_where_the_profile_says_so_and_the_modem_offers_it() {
    for (offered, asked) in [("(0-3)", "2,2,0,1,0"), ("(0,1)", "2,1,0,1,0")] {
        let mut settings = settings();
        let text = "[messages]\ndirect = true\n";
        settings.profiles.add("odd", "odd.toml", text).unwrap();
        settings.profile = settings.profiles.get("odd");
        let mut player = Player::with(settings);
        for script in [WAKING, IDENTIFYING, SIM, REGISTERED, OPERATOR] {
            player.play(script);
        }
        player
            .play("> AT+CSCS=\"GSM\"\n< OK\n> AT+CMGF=0\n< OK\n> AT+CSMS=1\n< +CSMS: 1,1,1\n< OK");
        player.play("> AT+CPMS=?\n< +CPMS: (\"SM\"),(\"SM\"),(\"SM\")\n< OK");
        player.play("> AT+CPMS=\"SM\",\"SM\",\"SM\"\n< OK\n> AT+CPMS?\n< ERROR");
        player.play(&format!(
            "> AT+CNMI=?\n< +CNMI: (0-3),{offered},(0-3),(0-2),(0,1)\n< OK\n> AT+CNMI={asked}\n< OK\n\
             > AT+CNMI?\n< +CNMI: {asked}\n< OK"
        ));
        player.play(SERVICE_CENTRE);
    }
}

#[test]
fn what_cinterion_offers_is_what_it_is_asked_for() {
    // transcript 37: five fields, the last of which may only be 1; no +CDSI for texts
    let mut player = at_storage();
    player.play(
        r#"
        > AT+CPMS=?
        < +CPMS: ("ME","SM","MT"),("ME","SM","MT"),("SM","MT")
        < OK
        > AT+CPMS="SM","SM","SM"
        < +CPMS: 0,25,0,25,0,20
        < OK
        > AT+CPMS?
        < +CPMS: "SM",0,25,"SM",0,25,"SM",0,20
        < OK
        > AT+CNMI=?
        < +CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)
        < OK
        > AT+CNMI=2,1,0,2,1
        < OK
        > AT+CNMI?
        < +CNMI: 2,1,0,2,1
        < OK
        > AT+CSCA?
    "#,
    );
    player.done();
}

#[test]
fn a_phone_without_storage_is_sent_by_and_says_that_nothing_comes_back() {
    // transcript 38
    let mut player = at_storage();
    player.play("> AT+CPMS=?\n< +CPMS: (),(),()\n< OK\n> AT+CNMI=?\n< ERROR");
    for form in [
        "2,1,0,1,0",
        "1,1,0,1,0",
        "2,1,0,2,0",
        "1,1,0,2,0",
        "2,1,0,0,0",
        "1,1,0,0,0",
        "1,1",
        "3,1,0,0,0",
    ] {
        player.play(&format!("> AT+CNMI={form}\n< ERROR"));
    }
    player.play("> AT+CSCA?\n< +CSCA: \"+447700900000\",145\n< OK\n> AT+CMMS=?\n< ERROR");
    let told = player.said().unwrap();
    assert!(
        told.starts_with("! ready: the modem announces neither texts nor reports"),
        "{told}"
    );
    player.done();
}

#[test]
fn a_storage_that_the_configuration_names_is_the_only_one_asked_for() {
    let mut settings = settings();
    settings.storage = Some("SM".to_owned());
    let mut player = Player::with(settings);
    for script in [WAKING, IDENTIFYING, SIM, REGISTERED, OPERATOR] {
        player.play(script);
    }
    player.play(
        r#"
        > AT+CSCS="GSM"
        < OK
        > AT+CMGF=0
        < OK
        > AT+CSMS=0
        < OK
        > AT+CPMS=?
        < +CPMS: ("ME","SM"),("ME","SM"),("ME","SM")
        < OK
        > AT+CPMS="SM","SM","SM"
    "#,
    );
    player.done();
}

#[test]
fn a_radio_that_is_off_is_switched_on_and_everything_is_asked_again() {
    let mut player = Player::new();
    player.play(WAKING).play(IDENTIFYING).play(
        r"
        > AT+CPIN?
        < +CPIN: READY
        < OK
        > AT+CFUN?
        < +CFUN: 0
        < OK
        > AT+CFUN=1
        < OK
        > ATE0
    ",
    );
    player.done();
}

#[test]
fn what_is_busy_after_a_start_is_asked_again_and_not_given_up() {
    // transcript 17: CSCA? answers 14 for ten seconds
    let mut player = Player::new();
    for script in [WAKING, IDENTIFYING, SIM, REGISTERED, OPERATOR, STORAGE] {
        player.play(script);
    }
    player.play("> AT+CSCA?\n< +CME ERROR: 14");
    for _ in 0..5 {
        player.play("~ 2000\n> AT+CSCA?\n< +CME ERROR: 515");
    }
    player.play("~ 2000").play(SERVICE_CENTRE).done();
}

#[test]
fn pdu_mode_is_waited_for_until_the_message_service_is_up() {
    // transcript 20
    let mut settings = settings();
    settings.profile = settings.profiles.get("simcom-sim800");
    let mut player = Player::with(settings);
    player.play(WAKING).play(IDENTIFYING).play(
        r"
        > AT+CLTS=0
        < OK
    ",
    );
    player.play(&SIM.replace(
        "    > AT+CCID\n    < ERROR\n",
        "    > AT+CCID\n    < ERROR\n    > AT+CCID\n    < ERROR\n",
    ));
    player.play(REGISTERED).play(OPERATOR).play(
        r#"
        > AT+CSCS="GSM"
        < OK
        > AT+CMGF=0
        < ERROR
        ~ 1000
        > AT+CMGF=0
        < ERROR
        ~ 400
        < SMS Ready
        > AT+CMGF=0
        < OK
        > AT+CSMS=0
    "#,
    );
    player.done();
}

#[test]
fn a_modem_that_refuses_pdu_mode_for_good_is_given_a_remedy() {
    let mut player = Player::new();
    for script in [WAKING, IDENTIFYING, SIM, REGISTERED, OPERATOR] {
        player.play(script);
    }
    player.play("> AT+CSCS=\"GSM\"\n< OK\n> AT+CMGF=0\n< ERROR");
    for _ in 0..9 {
        player.play("~ 1000\n> AT+CMGF=0\n< ERROR");
    }
    player
        .play("~ 1000\n> AT+CMGF=0\n< ERROR\n! depart Sick, reset")
        .done();
}

#[test]
fn each_rung_is_said_whether_or_not_the_modem_answers_and_then_it_is_set_up_anew() {
    let treated = |rung| Player::entering(settings(), Entry::Treated(rung));
    let deaf = "> ^[\n! recovering\n~ 300\n> AT\n~ 2000\n> AT\n~ 2000\n> AT\n~ 2000";
    treated(Rung::Reset)
        .play(deaf)
        .play("> ATZ\n~ 3000\n> AT&F\n~ 3000\n> ^[\n~ 100\n> AT\n< OK\n~ 100\n> ATE0")
        .done();
    treated(Rung::Radio)
        .play("> ^[\n! recovering\n~ 300\n> AT\n< OK\n~ 300")
        .play(
            "> AT+CFUN=4\n< OK\n~ 3000\n> AT+CFUN=1\n< OK\n> ^[\n~ 100\n> AT\n< OK\n~ 100\n> ATE0",
        )
        .done();
    treated(Rung::Restart)
        .play(deaf)
        .play("> AT+CFUN=1,1\n~ 3000\n! depart Restarting")
        .done();
    let mut reopened = treated(Rung::Reopen);
    reopened.play("> ^[\n! recovering\n~ 100\n> AT").done();
}

#[test]
fn the_rung_that_made_a_modem_ready_is_told() {
    let mut player = Player::entering(settings(), Entry::Booting(Some(Rung::Restart)));
    player.play("> ^[\n! recovering\n~ 100\n> AT\n~ 1000\n> AT\n< OK\n~ 100");
    let (_, rest) = WAKING
        .split_once("~ 100\n    > AT\n    < OK\n    ~ 100\n")
        .unwrap();
    player.play(rest).play(IDENTIFYING);
    player.play(&SIM.replace("> AT+CFUN?\n", "> AT+CFUN?\n    ! starting\n"));
    player.play(REGISTERED).play(OPERATOR).play(STORAGE);
    player.play(SERVICE_CENTRE).play("! restart helped").done();
}

#[test]
fn three_parts_that_fail_with_41_make_the_radio_start_anew() {
    let mut player = ready();
    for part in 1..=3 {
        player.play(&format!(
            "+ prepare {part}\n> AT+CMGS=19\n+ go {part}\n<< \\r\\n> \n> PDU{part}^Z\n< +CMS ERROR: 41\n! {part} refused: network_rejected, Network"
        ));
    }
    player.play("! depart Sick, radio").done();
}

#[test]
fn lte_that_carries_no_messages_is_left_after_three_failures() {
    // transcript 23
    let mut settings = settings();
    settings.profile = settings.profiles.get("quectel-ec25");
    let mut player = Player::with(settings);
    player.play(WAKING).play(IDENTIFYING);
    for _ in 0..4 {
        let line = player.said().unwrap();
        assert!(line.starts_with("> AT+Q"), "{line}");
        player.says("OK");
    }
    player.play(&SIM.replace(
        "    > AT+CCID\n",
        "    > AT+QCCID\n    < ERROR\n    > AT+CCID\n",
    ));
    for script in [REGISTERED, OPERATOR, STORAGE, SERVICE_CENTRE, RECEIVING] {
        player.play(script);
    }
    for part in 1..=3 {
        player.play(&format!(
            "+ prepare {part}\n> AT+CMGS=19\n+ go {part}\n<< \\r\\n> \n> PDU{part}^Z\n< +CMS ERROR: Unknown error"
        ));
        match part {
            3 => player.play("> AT+QCFG=\"nwscanmode\",2\n! starting"),
            _ => &mut player,
        };
        player.play(&format!("! {part} uncertain: timeout_uncertain"));
    }
    player.play("< OK\n~ 10000\n> AT+CREG?").done();
}

#[test]
fn the_link_is_kept_once_per_burst_where_the_modem_can() {
    // transcripts 09 and 10
    let linking = SERVICE_CENTRE.replace(
        "> AT+CMMS=?\n    < ERROR",
        "> AT+CMMS=?\n    < +CMMS: (0-2)\n    < OK",
    );
    let mut player = Player::new();
    for script in [
        WAKING,
        IDENTIFYING,
        SIM,
        REGISTERED,
        OPERATOR,
        STORAGE,
        &linking,
        RECEIVING,
    ] {
        player.play(script);
    }
    player.play(
        r"
        + prepare 1
        > AT+CMGS=19
        + go 1
        + prepare 2
        + go 2
        << \r\n> 
        > PDU1^Z
        < +CMGS: 33
        < OK
        > AT+CMMS=2
        ! 1 accepted 33 after 0
        < OK
        > AT+CMGS=19
        << \r\n> 
        > PDU2^Z
        + prepare 3
        + go 3
        < +CMGS: 34
        < OK
        > AT+CMGS=19
        ! 2 accepted 34 after 0
        << \r\n> 
        > PDU3^Z
        < +CMGS: 35
        < OK
        ! 3 accepted 35 after 0
        # another burst, and this modem has lied
        ~ 6000
        + prepare 4
        > AT+CMGS=19
        + go 4
        + prepare 5
        << \r\n> 
        > PDU4^Z
        < +CMGS: 36
        < OK
        > AT+CMMS=2
        ! 4 accepted 36 after 0
        < +CMS ERROR: 500
        > AT+CMGS=19
        + go 5
        + prepare 6
        << \r\n> 
        > PDU5^Z
        < +CMGS: 37
        < OK
        > AT+CMGS=19
        ! 5 accepted 37 after 0
    ",
    );
    player.done();
}

#[test]
fn a_modem_that_restarts_in_the_middle_of_a_part_leaves_it_uncertain_and_is_set_up_anew() {
    // transcript 20
    let mut player = sending();
    player.play(
        r"
        + prepare 2
        < UNDER-VOLTAGE WARNNING
        ! ready: the modem lacks power: give it a powered hub or a supply of 2 A, and short cables
        ~ 3000
        << \xff\r\nRDY\r\n
    ",
    );
    let said: Vec<String> = std::iter::from_fn(|| player.said()).collect();
    assert_eq!(said[0], "> ^[");
    assert!(said[1].starts_with("! starting"), "{said:?}");
    assert_eq!(
        said[2..],
        ["! 1 uncertain: modem_lost", "! 2 never left: modem_lost"]
    );
    player.play("~ 100\n> AT\n< OK\n~ 100\n> ATE0").done();
}

#[test]
fn a_restart_that_a_person_wants_waits_for_the_part_in_flight() {
    sending()
        .play(
            r"
            + restart
            < +CMGS: 5
            < OK
            > AT+CFUN=1,1
            ! recovering
            ! 1 accepted 5 after 0
            < OK
            ! depart Restarting
        ",
        )
        .done();
}

#[test]
fn a_modem_that_offered_no_storage_is_asked_again_every_ten_minutes() {
    let mut player = at_storage();
    player.play("> AT+CPMS=?\n< +CPMS: (),(),()\n< OK");
    player.play("> AT+CNMI=?\n< ERROR\n> AT+CNMI=2,1,0,1,0\n< OK\n> AT+CNMI?\n< ERROR");
    player.play(SERVICE_CENTRE);
    let ready_at = player.now;
    while player.now < ready_at + Duration::from_secs(660) {
        while let Some(said) = player.said() {
            let answer: &[u8] = match said.as_str() {
                "> AT+CMGF=0" => {
                    let after = player.now - ready_at;
                    assert_eq!(after.as_secs() / 60, 10);
                    return;
                }
                "> AT+CREG?" => b"\r\n+CREG: 1,1\r\n\r\nOK\r\n",
                "> AT+CPMS=?" => b"\r\n+CPMS: (),(),()\r\n\r\nOK\r\n",
                line if line.starts_with("> AT+CPMS=") => b"\r\nERROR\r\n",
                line if line.starts_with('>') => b"\r\nOK\r\n",
                _ => continue,
            };
            player.session.handle(player.now, Input::Octets(answer));
        }
        player.wait(Duration::from_secs(1));
    }
    panic!("not asked again");
}

#[test]
fn announcements_are_compared_every_ten_minutes_and_set_again_when_they_are_lost() {
    let mut player = ready();
    for minute in 1..=10 {
        player.play("~ 60000\n> AT+CSQ\n< +CSQ: 9,99\n< OK\n> AT+CREG?\n< +CREG: 1,1\n< OK");
        if minute == 10 {
            player.play("> AT+CNMI?\n< +CNMI: 2,0,0,0,0\n< OK\n> ATE0\n! starting");
        } else {
            player.play(
                "> AT+CPMS?\n< +CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50\n< OK\n> AT+CMGL=4\n< OK",
            );
        }
    }
    player.done();
}

#[test]
fn a_registration_that_came_back_by_itself_is_followed_by_setting_up_messages_again() {
    let mut player = ready();
    player.play(
        r"
        < +CREG: 2
        > AT+CSQ
        < +CREG: 1
        < +CSQ: 9,99
        < OK
        > AT+CREG?
        < +CREG: 1,1
        < OK
        > AT+CMGF=0
        ! starting
    ",
    );
    player.done();
}

#[test]
fn a_model_that_leaves_the_reference_out_is_believed_only_if_its_profile_says_so() {
    let mut settings = settings();
    let text = "[messages]\nomits_reference = true\n";
    settings.profiles.add("odd", "odd.toml", text).unwrap();
    settings.profile = settings.profiles.get("odd");
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
        "+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z\n< OK\n! 1 accepted - after 0",
    );
    player.done();
}

#[test]
fn a_modem_that_wants_a_pause_between_lines_gets_it() {
    let mut settings = settings();
    let text = "[start]\ngap_ms = 30\n";
    settings.profiles.add("slow", "slow.toml", text).unwrap();
    settings.profile = settings.profiles.get("slow");
    Player::with(settings)
        .play("> ^[\n~ 100\n> AT\n< OK\n~ 100\n> ATE0\n< OK\n~ 29\n~ 1\n> ATV1")
        .done();
}

#[test]
fn a_modem_that_nobody_knows_yet_gets_a_pause_between_lines_until_it_has_said_who_it_is() {
    let mut player = Player::new();
    player
        .play(WAKING)
        .play("> AT+CGMI\n< Cellular Works\n< OK");
    // Nothing for 19 ms.
    player.play("~ 19\n~ 1\n> AT+CGMM\n< CW-1\n< OK\n> AT+CGMR\n< 1.0\n< OK");
    player.play("> AT+CGSN\n< 490154203237518\n< OK\n~ 19\n~ 1\n> AT+CPIN?\n< +CPIN: READY\n< OK");
    let at_once = player.said();
    assert_eq!(at_once.as_deref(), Some("> AT+CFUN?"));

    // Known from before: no pause from the beginning.
    let mut settings = settings();
    settings.known_profile = settings.profiles.get("generic");
    let mut player = Player::with(settings);
    player.play("> ^[\n~ 100\n> AT\n< OK\n~ 100\n> ATE0\n< OK");
    assert_eq!(player.said().as_deref(), Some("> ATV1"));
}

#[test]
fn a_remedy_is_said_with_the_pause_that_the_modem_wants() {
    let mut settings = settings();
    settings.known_profile = settings.profiles.get("telit");
    Player::entering(settings, Entry::Treated(Rung::Reset))
        .play("> ^[\n! recovering\n~ 300\n> AT\n< OK\n~ 300\n> ATZ\n< OK\n~ 19\n~ 1\n> AT&F")
        .done();
}

#[test]
fn a_module_that_says_in_its_own_words_that_it_started_is_set_up_anew() {
    for (profile, is_set_up) in [("cinterion", true), ("generic", false)] {
        let mut settings = settings();
        settings.profile = settings.profiles.get(profile);
        let mut player = Player::with(settings);
        player.play(WAKING).play(IDENTIFYING);
        match profile {
            "cinterion" => {
                player.play("> AT^SCKS=1\n< OK");
                let sim = SIM.replace("> AT+CCID\n", "> AT^SCID\n    < ERROR\n    > AT+CCID\n");
                player.play(&sim)
            }
            _ => player.play(SIM),
        };
        for script in [REGISTERED, OPERATOR, STORAGE, SERVICE_CENTRE, RECEIVING] {
            player.play(script);
        }
        player.says("^SYSSTART");
        match is_set_up {
            true => player.play("> ^[\n! starting\n~ 100\n> AT\n< OK\n~ 100\n> ATE0"),
            false => &mut player,
        };
        player.done();
    }
}

/// One thing that may happen, in any order with others.
#[derive(Clone, Debug)]
enum Chance {
    Says(&'static str),
    Noise(Vec<u8>),
    Prepare,
    Word(usize, bool),
    Wait(u64),
}

fn chance() -> impl Strategy<Value = Chance> {
    const SAID: [&str; 16] = [
        "\r\nOK\r\n",
        "\r\nOK\r\n",
        "\r\n+CMGS: 7\r\n",
        "\r\n+CMGS: 8\r\n\r\nOK\r\n",
        "\r\n> ",
        "\r\n> ",
        "\r\n>\r\n",
        "\r\nERROR\r\n",
        "\r\n+CMS ERROR: 38\r\n",
        "\r\n+CMS ERROR: 310\r\n",
        "\r\n+CMS ERROR: 500\r\n",
        "\r\n+CREG: 2\r\n",
        "\r\n+CREG: 1,1\r\n\r\nOK\r\n",
        "\r\n+CPIN: NOT INSERTED\r\n",
        "\r\n+CPIN: READY\r\n",
        "\r\n+CDS: 4\r\n00060102FF\r\n",
    ];
    prop_oneof![
        6 => proptest::sample::select(SAID.to_vec()).prop_map(Chance::Says),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Chance::Noise),
        3 => Just(Chance::Prepare),
        4 => (0..4_usize, any::<bool>()).prop_map(|(back, go)| Chance::Word(back, go)),
        2 => prop_oneof![0..400_u64, 900..11_000_u64, 60_000..130_000_u64].prop_map(Chance::Wait),
    ]
}

/// Watches over what must hold whatever happens.
#[derive(Default)]
struct Witness {
    prepared: i64,
    /// The word given for each ticket.
    words: HashMap<i64, bool>,
    answered: HashSet<i64>,
    /// The part whose result is pending.
    flown: Option<i64>,
}

impl Witness {
    /// After one input: an unwatched write or a second answer fails the test.
    fn watch(&mut self, session: &mut Session) {
        let mut silence_broken = false;
        for output in std::iter::from_fn(|| session.poll()).collect::<Vec<_>>() {
            match output {
                Output::Write(octets) => {
                    silence_broken |= self.flown.is_some();
                    if octets.contains(&0x1A) {
                        let said = written(&octets);
                        let ticket = said.trim_start_matches("PDU").trim_end_matches("^Z");
                        let ticket = ticket.parse().unwrap();
                        assert_eq!(self.words.get(&ticket), Some(&true), "no go for {said}");
                        assert!(!self.answered.contains(&ticket), "{said} was answered");
                        self.flown = Some(ticket);
                    }
                }
                Output::Event(ModemEvent::Answer { ticket, outcome }) => {
                    assert!(self.answered.insert(ticket.0), "answered twice: {ticket:?}");
                    let flew = self.flown == Some(ticket.0);
                    if flew {
                        self.flown = None;
                        silence_broken = false;
                    }
                    assert_eq!(
                        flew,
                        match outcome {
                            Outcome::Accepted { .. } | Outcome::Uncertain(_) => true,
                            Outcome::NeverLeft(_) => false,
                            Outcome::Refused(_) => flew,
                        },
                        "{ticket:?}: {outcome:?}"
                    );
                }
                _ => {}
            }
        }
        assert!(!silence_broken, "written into a pending result");
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_part_has_one_answer_and_none_leaves_without_a_go(
        chances in proptest::collection::vec(chance(), 0..120),
    ) {
        let mut player = ready();
        let mut witness = Witness::default();
        for chance in chances {
            let now = player.now;
            match chance {
                Chance::Says(text) => {
                    player.session.handle(now, Input::Octets(text.as_bytes()));
                }
                Chance::Noise(octets) => player.session.handle(now, Input::Octets(&octets)),
                Chance::Prepare if witness.prepared < 98 => {
                    witness.prepared += 1;
                    let part = Box::new(submit(witness.prepared));
                    player.session.handle(now, Input::Order(Order::Prepare(part)));
                }
                Chance::Prepare => {}
                Chance::Word(back, go) => {
                    let Some(ticket) = witness.prepared.checked_sub(back as i64) else {
                        continue;
                    };
                    if ticket <= 0 || witness.words.contains_key(&ticket) {
                        continue;
                    }
                    witness.words.insert(ticket, go);
                    let order = match go {
                        true => Order::Go(Ticket(ticket)),
                        false => Order::Withdraw(Ticket(ticket)),
                    };
                    player.session.handle(now, Input::Order(order));
                }
                Chance::Wait(millis) => {
                    let end = now + Duration::from_millis(millis);
                    while let Some(deadline) = player.session.deadline().filter(|d| *d <= end) {
                        player.now = player.now.max(deadline);
                        player.session.handle(player.now, Input::Deadline);
                        witness.watch(&mut player.session);
                    }
                    player.now = end;
                }
            }
            witness.watch(&mut player.session);
        }
        player.session.handle(player.now, Input::Gone);
        witness.watch(&mut player.session);
        prop_assert_eq!(witness.answered.len() as i64, witness.prepared);
    }
}

const WAKING: &str = r"
    > ^[
    ~ 100
    > AT
    < OK
    ~ 100
    > ATE0
    < OK
    > ATV1
    < OK
    > ATQ0
    < OK
    > AT+CMEE=1
    < OK
";

const IDENTIFYING: &str = r"
    > AT+CGMI
    < Cellular Works
    < OK
    > AT+CGMM
    < +CGMM: CW-1
    < OK
    > AT+CGMR
    < ^BOOT:27710117,0,0,0,75
    < 1.0
    < OK
    > AT+CGSN
    < 490154203237518
    < OK
";

const SIM: &str = r#"
    > AT+CPIN?
    < +CPIN: READY
    < OK
    > AT+CFUN?
    < +CFUN: 1
    < OK
    > AT+CIMI
    < 234150000000001
    < OK
    > AT+CCID
    < ERROR
    > AT+ICCID
    < +ICCID: 8944110068256270054F
    < OK
    > AT+CNUM
    < +CNUM: "me","+447700900321",145
    < OK
    > AT+CREG=2
    < OK
    > AT+CEREG=2
    < ERROR
    > AT+CEREG=1
    < ERROR
"#;

const REGISTERED: &str = r"
    > AT+CREG?
    < +CREG: 1,1
    < OK
";

const OPERATOR: &str = r#"
    > AT+COPS=3,2
    < OK
    > AT+COPS?
    < +COPS: 0,2,"23415",7
    < OK
    > AT+CSQ
    < +CSQ: 17,99
    < OK
"#;

const STORAGE: &str = r#"
    > AT+CSCS="GSM"
    < OK
    > AT+CMGF=0
    < OK
    > AT+CSMS=0
    < OK
    > AT+CPMS=?
    < +CPMS: ("SM","MT"),("SM"),("SM")
    < OK
    > AT+CPMS="SM","SM","SM"
    < +CPMS: 0,50,0,50,0,50
    < OK
    > AT+CPMS?
    < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
    < OK
    > AT+CNMI=?
    < +CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)
    < OK
    > AT+CNMI=2,1,0,1,0
    < OK
    > AT+CNMI?
    < +CNMI: 2,1,0,1,0
    < OK
"#;

const STORAGE_ONLY: &str = r#"
    > AT+CSMS=0
    < OK
    > AT+CPMS=?
    < +CPMS: ("SM","MT"),("SM"),("SM")
    < OK
    > AT+CPMS="SM","SM","SM"
    < +CPMS: 0,50,0,50,0,50
    < OK
    > AT+CPMS?
    < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
    < OK
    > AT+CNMI=?
    < +CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)
    < OK
    > AT+CNMI=2,1,0,1,0
    < OK
    > AT+CNMI?
    < +CNMI: 2,1,0,1,0
    < OK
"#;

const SERVICE_CENTRE: &str = r#"
    > AT+CSCA?
    < +CSCA: "+447700900000",145
    < OK
    > AT+CMMS=?
    < ERROR
    ! ready
"#;

/// From the answer to `AT+COPS=3,2` to ready.
const MESSAGES: &str = r#"
    < OK
    > AT+COPS?
    < +COPS: 0,2,"23415",7
    < OK
    > AT+CSQ
    < +CSQ: 17,99
    < OK
    > AT+CSCS="GSM"
    < OK
    > AT+CMGF=0
    < OK
    > AT+CSMS=0
    < OK
    > AT+CPMS=?
    < +CPMS: ("SM","MT"),("SM"),("SM")
    < OK
    > AT+CPMS="SM","SM","SM"
    < +CPMS: 0,50,0,50,0,50
    < OK
    > AT+CPMS?
    < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
    < OK
    > AT+CNMI=?
    < +CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)
    < OK
    > AT+CNMI=2,1,0,1,0
    < OK
    > AT+CNMI?
    < +CNMI: 2,1,0,1,0
    < OK
    > AT+CSCA?
    < +CSCA: "+447700900000",145
    < OK
    > AT+CMMS=?
    < ERROR
    ! ready
"#;

/// What is asked as soon as a modem is ready, and the first look for texts.
const RECEIVING: &str = r#"
    ~ 0
    > AT+CSMS?
    < +CSMS: 0,1,1,1
    < OK
    > AT+CNMI?
    < +CNMI: 2,1,0,1,0
    < OK
    > AT+CPMS=?
    < +CPMS: ("SM"),("SM"),("SM")
    < OK
    > AT+CPMS?
    < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
    < OK
    > AT+CMGL=4
    < OK
"#;

/// A session whose SIM wants a PIN that it has.
fn locked() -> Player {
    let mut settings = settings();
    settings.pin = Pin::parse("1234", &Pepper::new(&[7; 32]));
    let mut player = Player::with(settings);
    player.play(WAKING).play(IDENTIFYING);
    player.play("> AT+CPIN?\n< +CPIN: SIM PIN\n< OK");
    player
}

/// A session that is about to ask where texts can be stored.
fn at_storage() -> Player {
    let mut player = Player::new();
    for script in [WAKING, IDENTIFYING, SIM, REGISTERED, OPERATOR] {
        player.play(script);
    }
    player.play("> AT+CSCS=\"GSM\"\n< OK\n> AT+CMGF=0\n< OK\n> AT+CSMS=0\n< OK");
    player
}

/// A session that is ready.
fn ready() -> Player {
    let mut player = Player::new();
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
    player
}

/// A session that waits for the result of part 1.
fn sending() -> Player {
    let mut player = ready();
    player.play("+ prepare 1\n> AT+CMGS=19\n+ go 1\n<< \\r\\n> \n> PDU1^Z");
    player
}

fn settings() -> ModemSettings {
    ModemSettings {
        name: ModemName::parse("m1").unwrap(),
        device: "/dev/ttyUSB2".into(),
        seeking: None,
        left_alone: None,
        baud: 115_200,
        command_timeout: Duration::from_secs(5),
        send_timeout: Duration::from_secs(120),
        smsc: None,
        pin: None,
        storage: None,
        profiles: Profiles::built_in(),
        profile: None,
        known_profile: None,
        helped: None,
        recordings: None,
        listen_first: None,
        mean_send: Duration::from_secs(4),
        delete_from_sim: true,
        hang_up: false,
    }
}

fn submit(ticket: i64) -> Submit {
    Submit {
        ticket: Ticket(ticket),
        to: Destination::stored("+447700900123").unwrap(),
        body: Body::parse("hello").unwrap(),
        encoding: Encoding::Auto,
        part: PartNumber(1),
        reference: Reference::Eight(1),
        request_report: true,
        // Tells the parts of a test apart: TP-VP counts in steps of five minutes.
        validity: Duration::from_secs(300 * (ticket % 100).unsigned_abs()),
        flash: false,
        made_of: None,
        message: crate::domain::MessageSeq(1),
    }
}

fn pdu(ticket: i64) -> String {
    encode(&submit(ticket)).unwrap().hex
}

struct Player {
    session: Session,
    now: Instant,
    /// State and error last shown.
    shown: (ModemState, Option<String>),
    /// The PDUs it handed on.
    received: Vec<Vec<u8>>,
}

impl Player {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: ModemSettings) -> Self {
        Self::entering(settings, Entry::Usual)
    }

    fn entering(settings: ModemSettings, entry: Entry) -> Self {
        let now = Instant::now() + Duration::from_secs(100_000);
        let session = Session::new(settings, entry, now);
        Self {
            session,
            now,
            shown: (ModemState::Starting, None),
            received: Vec::new(),
        }
    }

    fn status(&self) -> ModemStatus {
        self.session.status.clone()
    }

    #[track_caller]
    fn play(&mut self, script: &str) -> &mut Self {
        for step in script.lines().map(str::trim_start) {
            let (mark, text) = step.split_once(' ').unwrap_or((step, ""));
            match mark {
                "" | "#" => {}
                "<" => self.says(text),
                "<<" => self.octets(unescaped(text.trim_start()).as_bytes()),
                "~" => self.wait(Duration::from_millis(text.trim().parse().unwrap())),
                "+" => self.order(text.trim()),
                ">" => {
                    let said = self.said().or_else(|| self.breathes());
                    assert_eq!(said.as_deref(), Some(step.trim()));
                }
                _ => assert_eq!(self.said().as_deref(), Some(step.trim())),
            }
        }
        self
    }

    /// A modem that nobody knows yet gets its pause; what is said behind it.
    fn breathes(&mut self) -> Option<String> {
        let pause = Duration::from_millis(20);
        let deadline = self.session.deadline()?;
        if deadline > self.now + pause {
            return None;
        }
        self.now = self.now.max(deadline);
        self.session.handle(self.now, Input::Deadline);
        self.said()
    }

    #[track_caller]
    fn done(&mut self) {
        assert_eq!(self.said(), None, "said more than the script");
    }

    #[track_caller]
    fn says(&mut self, line: &str) {
        self.octets(format!("\r\n{line}\r\n").as_bytes());
    }

    #[track_caller]
    fn octets(&mut self, octets: &[u8]) {
        self.hand(Input::Octets(octets));
    }

    #[track_caller]
    fn hand(&mut self, input: Input<'_>) {
        self.done();
        self.session.handle(self.now, input);
    }

    /// Lets time pass, deadline by deadline.
    #[track_caller]
    fn wait(&mut self, span: Duration) {
        self.done();
        let end = self.now + span;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.session.handle(self.now, Input::Deadline);
        }
        self.now = end;
    }

    #[track_caller]
    fn order(&mut self, text: &str) {
        let (word, ticket) = text.split_once(' ').unwrap_or((text, "0"));
        if let Some(question) = asking::question(word, ticket) {
            return self.hand(Input::Asked(1, question));
        }
        let ticket = Ticket(ticket.parse().unwrap());
        self.hand(match word {
            "prepare" => Input::Order(Order::Prepare(Box::new(submit(ticket.0)))),
            "go" => Input::Order(Order::Go(ticket)),
            "withdraw" => Input::Order(Order::Withdraw(ticket)),
            // The n-th PDU that was handed on.
            "kept" => {
                let at = usize::try_from(ticket.0 - 1).unwrap();
                Input::Order(Order::Kept(PduDigest::of(&self.received[at])))
            }
            "claimed" => Input::Claimed(true),
            "denied" => Input::Claimed(false),
            "restart" => Input::Order(Order::Control(Control::Restart)),
            "gone" => Input::Gone,
            "stop" => Input::Stop,
            _ => panic!("no such order: {text}"),
        });
    }

    fn said(&mut self) -> Option<String> {
        loop {
            let said = match self.session.poll()? {
                Output::Write(octets) => format!("> {}", written(&octets)),
                Output::Event(event) => {
                    if let ModemEvent::Received { pdu, .. } = &event {
                        self.received.push(pdu.clone());
                    }
                    format!("! {}", told(&event))
                }
                Output::Claim(_) => "! claim".to_owned(),
                Output::Opened(_) => "! opened".to_owned(),
                Output::Told(asker, reply) => format!("! {asker}: {}", asking::replied(&reply)),
                Output::Depart(Departure::Sick(_, rung)) => {
                    format!("! depart Sick, {}", rung.as_str())
                }
                Output::Depart(Departure::Unfit(_)) => "! depart Unfit".to_owned(),
                Output::Depart(departure) => format!("! depart {departure:?}"),
                Output::Status(status) => {
                    let shown = (status.state, status.last_error);
                    if shown == self.shown {
                        continue;
                    }
                    self.shown = shown;
                    match &self.shown {
                        (state, Some(error)) => format!("! {}: {error}", state.as_str()),
                        (state, None) => format!("! {}", state.as_str()),
                    }
                }
            };
            return Some(said);
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n")
}

fn written(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets)
        .replace('\x1b', "^[")
        .replace('\x1a', "^Z");
    let text = text.trim_end();
    let Some(hex) = text.strip_suffix("^Z") else {
        return text.to_owned();
    };
    match (1..=99).find(|ticket| hex == pdu(*ticket)) {
        Some(ticket) => format!("PDU{ticket}^Z"),
        None => text.to_owned(),
    }
}

fn told(event: &ModemEvent) -> String {
    let (ticket, outcome) = match event {
        ModemEvent::Answer { ticket, outcome } => (ticket.0, outcome),
        ModemEvent::Report { sim, pdu } => {
            return format!("report of {} octets for {}", pdu.len(), sim.as_str());
        }
        ModemEvent::Received { pdu, is_stored, .. } => {
            let way = if *is_stored {
                "from a slot"
            } else {
                "directly"
            };
            return format!("received {} octets {way}", pdu.len());
        }
        ModemEvent::SlotStuck { memory, index, why } => {
            return format!("stuck {memory} {index}: {why}");
        }
        ModemEvent::LateReference(reference) => return format!("late {}", reference.0),
        ModemEvent::Call(call) => {
            return format!("call of {} hung up", call.from.as_deref().unwrap_or("?"));
        }
        ModemEvent::Recovery(step) => {
            return format!("{} {}", step.rung.as_str(), step.outcome.as_str());
        }
    };
    match outcome {
        Outcome::Accepted {
            reference, took, ..
        } => {
            let reference = reference.map_or("-".to_owned(), |reference| reference.0.to_string());
            format!("{ticket} accepted {reference} after {}", took.as_millis())
        }
        Outcome::Refused(setback) => {
            format!("{ticket} refused: {}, {:?}", setback.code, setback.blame)
        }
        Outcome::Uncertain(setback) => format!("{ticket} uncertain: {}", setback.code),
        Outcome::NeverLeft(setback) => format!("{ticket} never left: {}", setback.code),
    }
}
