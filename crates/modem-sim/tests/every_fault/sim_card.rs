//! The SIM, its lock, and what a modem needs before it knows texts.

use modem_sim::Settings;
use serde_json::json;

use crate::host::Host;

fn like(personality: &str) -> Settings {
    Settings {
        personalities: vec![personality.into()],
        ..Settings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_18_the_sim_is_busy_after_cfun() {
    for (code, said) in [(14, "14"), (515, "515")] {
        let mut host = Host::quiet().await;
        host.fault(json!({ "kind": "busy_after_cfun", "code": code, "for_ms": 10_000 }))
            .await;
        host.play(&format!(
            "
            > AT+CFUN=1
            < OK
            > AT+CPIN?
            < +CME ERROR: {said}
            ~ 9000
            > AT+CSCA?
            < +CME ERROR: {said}
            ~ 1000
            > AT+CPIN?
            < +CPIN: READY
            < OK
            "
        ))
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_19_no_ok_follows_cpin() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "cpin_without_ok" })).await;
    host.play("> AT+CPIN?\n< +CPIN: READY\n~ 5000\n> AT\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_20_a_locked_sim_counts_wrong_pins_and_then_wants_the_puk() {
    let mut host = Host::quiet_of(like("quectel-ec25")).await;
    host.fault(json!({ "kind": "sim_lock", "pin": "1234", "puk": "12345678", "pin_tries": 2 }))
        .await;
    host.play(
        r#"
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
        > AT+QCCID
        <* \r\n+QCCID: 8986*\r\n\r\nOK\r\n
        > AT+QPINC?
        << \r\n+QPINC: "SC",2,10\r\n+QPINC: "P2",3,10\r\n
        < OK
        > AT+CIMI
        < +CME ERROR: 11
        > AT+CMGS=18
        < +CMS ERROR: 311
        > AT+CPIN="0000"
        < +CME ERROR: 16
        > AT+CPINR
        << \r\n+CPINR: SIM PIN,1,3\r\n+CPINR: SIM PUK,10,10\r\n
        < OK
        > AT+CPIN="0000"
        < +CME ERROR: 16
        > AT+CPIN?
        < +CPIN: SIM PUK
        < OK
        > AT+CPIN="1234"
        < +CME ERROR: 12
        > AT+CPIN="12345678","4321"
        < OK
        > AT+CPIN?
        < +CPIN: READY
        < OK
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_locked_sim_is_opened_by_its_pin_until_the_next_restart() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "sim_lock", "pin": "1234" }))
        .await;
    host.play(
        r#"
        > AT+CPIN="1234"
        < OK
        > AT+CPIN?
        < +CPIN: READY
        < OK
        > AT+CFUN=1,1
        < OK
        > ATE0
        << ATE0\r
        < OK
        > AT+CPIN?
        < +CPIN: SIM PIN
        < OK
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_21_the_sim_is_taken_out_and_put_in_again() {
    let mut host = Host::quiet_of(like("simcom-sim800")).await;
    host.play("> AT+CREG=1\n< OK").await;
    host.fault(json!({ "kind": "sim_absent" })).await;
    host.play(
        "
        < +CPIN: NOT INSERTED
        < +CREG: 0
        > AT+CPIN?
        < +CME ERROR: 10
        > AT+CMGS=18
        < +CMS ERROR: 310
        > AT+CIMI
        < +CME ERROR: 10
        ",
    )
    .await;
    host.fault(json!({ "kind": "sim_absent", "on": false }))
        .await;
    host.play("< +CPIN: READY\n< +CREG: 1\n> AT+CPIN?\n< +CPIN: READY\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_22_the_sim_fails_and_is_then_ready() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "sim_failure", "for_ms": 3000 }))
        .await;
    host.play(
        "
        > AT+CPIN?
        < +CME ERROR: 13
        ~ 3000
        < +CPIN: READY
        > AT+CPIN?
        < +CPIN: READY
        < OK
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_23_atz_is_refused_before_the_pin() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "atz_refused_before_pin" }))
        .await;
    host.fault(json!({ "kind": "sim_lock", "pin": "1234" }))
        .await;
    host.play("> ATZ\n< ERROR\n> AT+CPIN=\"1234\"\n< OK\n> ATZ\n< OK\n> AT\n<< AT\\r\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_24_csmp_wipes_the_service_centre() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "csmp_clears_service_centre" }))
        .await;
    host.play(
        r#"
        > AT+CSCA?
        < +CSCA: "+8613800100500",145
        < OK
        > AT+CSMP=49,167,0,0
        < OK
        > AT+CSCA?
        < +CSCA: "",129
        < OK
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_25_without_a_service_centre_a_send_is_refused() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_service_centre" })).await;
    host.send("< +CMS ERROR: 330").await;
    host.play("> AT+CSCA=\"+447700900000\",145\n< OK").await;
    host.send("~ 500\n< +CMGS: 64\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_26_texts_are_errors_until_sms_ready() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "sms_not_ready", "for_ms": 4000 }))
        .await;
    host.receive("hi").await;
    host.play(
        "
        > AT+CMGF=0
        < ERROR
        > AT+CMGS=18
        < ERROR
        ~ 4000
        < Call Ready
        < SMS Ready
        < +CMTI: \"SM\",1
        > AT+CMGF=0
        < OK
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_27_a_modem_says_its_lines_when_it_boots() {
    let mut host = Host::quiet_of(like("simcom-sim800")).await;
    host.fault(json!({ "kind": "boot" })).await;
    host.play(
        "
        ~ 1000
        < RDY
        ~ 10
        < +CFUN: 1
        ~ 10
        < +CPIN: READY
        ~ 3980
        < Call Ready
        < SMS Ready
        ",
    )
    .await;
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "boot", "lines": ["*ATREADY: 1", "PB DONE"] }))
        .await;
    host.play("< *ATREADY: 1\n< PB DONE\n> AT\n<< AT\\r\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_sim_that_moves_is_in_the_other_modem_and_its_own_is_out() {
    let mut host = Host::quiet_of(Settings {
        modems: 2,
        ..Settings::default()
    })
    .await;
    let before = host.sim.stats().await;
    host.fault(json!({ "kind": "sim_moves", "to": 1 })).await;
    host.play("> AT+CPIN?\n< +CME ERROR: 10").await;
    let after = host.sim.stats().await;
    assert_eq!(after[1].iccid, before[0].iccid);
    assert_eq!(after[1].number, before[0].number);
    assert_eq!(after[1].imei, before[1].imei, "a modem stays the one it is");
    host.fault(json!({ "kind": "sim_absent", "on": false }))
        .await;
    host.play("> AT+CPIN?\n< +CPIN: READY\n< OK").await;
    assert_eq!(after[0].iccid, before[1].iccid);
}
