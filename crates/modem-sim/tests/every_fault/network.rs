//! The network: registration, signal, radio, operator.

use serde_json::json;

use crate::host::Host;

#[tokio::test(start_paused = true)]
async fn every_fault_50_the_registration_is_lost_denied_or_abroad() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.play("> AT+CREG=1\n< OK").await;
    host.fault(json!({ "kind": "registration", "state": 5 }))
        .await;
    host.play("< +CREG: 5\n> AT+CREG?\n< +CREG: 1,5\n< OK")
        .await;
    host.send("~ 500\n< +CMGS: 64\n< OK").await;
    // Texts only, at home: usable.
    host.fault(json!({ "kind": "registration", "state": 6 }))
        .await;
    host.play("< +CREG: 6").await;
    host.send("~ 500\n< +CMGS: 65\n< OK").await;

    host.fault(json!({ "kind": "registration", "state": 3, "after_sends": 2 }))
        .await;
    host.send("~ 500\n< +CMGS: 66\n< OK").await;
    host.send("~ 500\n< +CMGS: 67\n< OK\n< +CREG: 3").await;
    host.send("< +CMS ERROR: 331").await;
    host.play("> AT+COPS?\n< +COPS: 0\n< OK").await;

    host.fault(json!({ "kind": "clear" })).await;
    host.play("< +CREG: 1").await;
    host.fault(json!({ "kind": "unregistered" })).await;
    host.play("< +CREG: 2\n> AT+CSQ\n< +CSQ: 99,99\n< OK").await;
    host.fault(json!({ "kind": "unregistered", "on": false }))
        .await;
    host.play("< +CREG: 1").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_51_the_signal_fades_and_is_unknown() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "signal", "rssi": 25, "fade_to": 5, "over_ms": 60_000 }))
        .await;
    host.play(
        "
        > AT+CSQ
        < +CSQ: 25,99
        < OK
        ~ 30000
        > AT+CSQ
        < +CSQ: 15,99
        < OK
        ~ 90000
        > AT+CSQ
        < +CSQ: 5,99
        < OK
        ",
    )
    .await;
    host.fault(json!({ "kind": "signal", "rssi": 99, "ber": 99 }))
        .await;
    host.play("> AT+CSQ\n< +CSQ: 99,99\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_52_texts_fail_on_lte_and_work_on_3g() {
    let mut host = Host::of(modem_sim::Settings {
        personalities: vec!["simcom-sim7600".into()],
        ..modem_sim::Settings::default()
    });
    host.play("> ATE0\n<< ATE0\\r\n< OK").await;
    host.fault(json!({ "kind": "next_reference", "value": 186 }))
        .await;
    host.fault(json!({ "kind": "lte_refuses" })).await;
    host.send("~ 500\n< +CMS ERROR: Unknown error").await;
    host.play("> AT+CNMP=14\n< OK\n> AT+CREG=2\n< OK\n> AT+CREG?\n< +CREG: 2,1,\"18D8\",\"0B88E350\",2\n< OK")
        .await;
    host.fault(json!({ "kind": "next_reference", "value": 186 }))
        .await;
    host.send("~ 500\n< +CMGS: 186\n< OK").await;
    host.play("> AT+CNMP=2\n< OK").await;
    host.send("~ 500\n< +CMS ERROR: Unknown error").await;
    host.fault(json!({ "kind": "lte_refuses", "on": false }))
        .await;
    host.send("~ 500\n< +CMGS: 188\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_61_a_sim_is_capped_and_then_denied() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.play("> AT+CREG=1\n< OK").await;
    let cap = json!({ "kind": "sim_cap", "after": 1, "code": 50, "denied_after": 2 });
    host.fault(cap).await;
    host.send("~ 500\n< +CMGS: 64\n< OK").await;
    host.send("~ 500\n< +CMS ERROR: 50").await;
    host.send("~ 500\n< +CMS ERROR: 50\n< +CREG: 3").await;
    host.send("< +CMS ERROR: 331").await;

    let cap = json!({ "kind": "sim_cap", "after": 1, "code": 38, "reset_helps": true });
    host.fault(cap).await;
    host.play("< +CREG: 1").await;
    host.send("~ 500\n< +CMGS: 67\n< OK").await;
    host.send("~ 500\n< +CMS ERROR: 38").await;
    host.play("> AT+CFUN=1,1\n< OK\n> ATE0+CMEE=1\n<< ATE0+CMEE=1\\r\n< OK")
        .await;
    host.send("~ 500\n< +CMGS: 69\n< OK").await;
}
