//! Answers that other makes give to the commands of the standard.

use serde_json::json;

use crate::host::{FRIEND, Host};

#[tokio::test(start_paused = true)]
async fn every_fault_34_values_of_cnmi_are_refused_although_advertised() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "cnmi_refuses", "mode": [2], "ds": [2], "bfr": [0] }))
        .await;
    host.play(
        "
        > AT+CNMI=?
        < +CNMI: (0-2),(0-2),(0,2),(0-2),(0,1)
        < OK
        > AT+CNMI=2,1,0,1,1
        < +CMS ERROR: 303
        > AT+CNMI=1,1,0,2,1
        < +CMS ERROR: 303
        > AT+CNMI=1,1,0,1,0
        < +CMS ERROR: 303
        > AT+CNMI=1,1,0,1,1
        < OK
        > AT+CNMI?
        < +CNMI: 1,1,0,1,1
        < OK
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_44_cpms_takes_only_some_forms_or_none() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "cpms_forms", "values": [3] }))
        .await;
    host.play(
        r#"
        > AT+CPMS="SM"
        < +CMS ERROR: 302
        > AT+CPMS="SM","SM"
        < +CMS ERROR: 302
        > AT+CPMS="SM","SM","SM"
        < +CPMS: 0,50,0,50,0,50
        < OK
        "#,
    )
    .await;
    host.fault(json!({ "kind": "cpms_empty" })).await;
    host.play(
        r#"
        > AT+CPMS=?
        < +CPMS: (),(),()
        < OK
        > AT+CPMS?
        < +CPMS: ,,,,,,,,
        < OK
        > AT+CPMS="SM","SM","SM"
        < +CMS ERROR: 302
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_45_the_store_says_that_it_is_empty_and_is_not() {
    let mut host = Host::quiet().await;
    host.receive("hi").await;
    host.fault(json!({ "kind": "cpms_lies", "used": 0 })).await;
    host.play(
        r#"
        < +CMTI: "SM",1
        > AT+CPMS="SM"
        < +CPMS: 0,50,0,50,0,50
        < OK
        > AT+CMGL=4
        <* \r\n+CMGL: 1,0,,21\r\n*\r\n\r\nOK\r\n
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_48_texts_are_shown_in_many_ways() {
    // SMSC, SMS-DELIVER from the friend, PID 0, DCS 0, a time stamp, "hi".
    let (head, tail) = ("0891683108100005F0040C91447700091032", "02E834");
    for (form, shown) in [
        ("standard", format!("+CMGR: 0,,21\\r\\n{head}0000*{tail}")),
        ("no_name", format!("+CMGR: 0,21\\r\\n{head}0000*{tail}")),
        (
            "trailing_quote",
            format!("+CMGR: 0,,21\\r\\n{head}0000*{tail}\""),
        ),
        (
            "wrong_length",
            format!("+CMGR: 0,,22\\r\\n{head}0000*{tail}"),
        ),
        (
            "padded",
            format!("+CMGR: 0,,21\\r\\n{head}0000*{tail}FF*FF"),
        ),
        ("truncated", format!("+CMGR: 0,,21\\r\\n{head}0000*02")),
        (
            "lower_case",
            "+CMGR: 0,,21\\r\\n0891683108100005f0*02e834".into(),
        ),
        (
            "no_service_centre",
            format!("+CMGR: 0,,21\\r\\n040C91447700091032*{tail}"),
        ),
    ] {
        let mut host = Host::quiet().await;
        host.receive("hi").await;
        host.fault(json!({ "kind": "read_form", "form": form }))
            .await;
        host.play(&format!(
            "< +CMTI: \"SM\",1\n> AT+CMGR=1\n<* \\r\\n{shown}\\r\\n\\r\\nOK\\r\\n"
        ))
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_49_the_registration_is_written_in_many_ways() {
    let mut host = Host::quiet().await;
    host.play("> AT+CREG=2\n< OK").await;
    for (form, shown) in [
        ("standard", "< +CREG: 2,1,\"18D8\",\"0B88E350\",7"),
        ("unquoted", "< +CREG: 2,1,18D8,0B88E350"),
        ("zero_padded", "< +CREG:002,001,\"18d8\",\"ffff\""),
        ("empty_state", "< +CREG: 2,,"),
        ("empty_area", "< +CREG: 2,1,\"\",\"605F\""),
        ("unbalanced_quotes", "< +CREG: 2,1,\"0B,\"0100701\",7"),
        ("bare_ok", ""),
    ] {
        host.fault(json!({ "kind": "registration_form", "form": form }))
            .await;
        host.play(&format!("> AT+CREG?\n{shown}\n< OK")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_53_ussd_is_answered_in_many_ways() {
    for (form, said) in [
        ("text", "~ 3000\n< +CUSD: 0,\"Hi 3\",15"),
        ("bare", "~ 3000\n< +CUSD: 0,\"Hi 3\""),
        ("ucs2", "~ 3000\n< +CUSD: 0,\"0048006900200033\",72"),
        (
            "garbage_tail",
            "~ 3000\n< +CUSD: 0,\"0048006900200033FFFFEEEE\",17",
        ),
        ("ended", "~ 3000\n< +CUSD: 2"),
        ("timed_out", "~ 60000\n< +CUSD: 5"),
        ("late_error", "~ 3000\n< +CME ERROR: 132"),
    ] {
        let mut host = Host::quiet().await;
        host.fault(json!({ "kind": "ussd", "form": form, "text": "Hi 3" }))
            .await;
        host.play(&format!("> AT+CUSD=1,\"*100#\",15\n< OK\n{said}\n~ 90000"))
            .await;
    }
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "ussd", "form": "refused" }))
        .await;
    host.play("> AT+CUSD=1,\"*100#\",15\n< +CME ERROR: 30")
        .await;
    host.fault(json!({ "kind": "ussd", "form": "packed", "text": "Hi 3" }))
        .await;
    host.play(
        "
        > AT+CUSD=1,\"*100#\",15
        < +CME ERROR: 50
        > AT+CUSD=1,\"AA180C3602\",15
        < OK
        ~ 3000
        < +CUSD: 0,\"C8346806\",15
        ",
    )
    .await;
    host.fault(json!({ "kind": "ussd", "form": "session", "text": "1 or 2?" }))
        .await;
    host.play(
        "
        > AT+CUSD=1,\"*100#\",15
        < OK
        ~ 3000
        < +CUSD: 1,\"1 or 2?\",15
        > AT+CUSD=1,\"2\",15
        < OK
        ~ 3000
        < +CUSD: 0,\"1 or 2?\",15
        > AT+CUSD=2
        < OK
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_62_without_credit_sends_are_refused_and_the_balance_is_nothing() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_credit", "code": 127 }))
        .await;
    host.send("~ 500\n< +CMS ERROR: 127").await;
    host.play("> AT+CUSD=1,\"*100#\",15\n< OK\n~ 3000\n< +CUSD: 0,\"Balance 0.00\",15")
        .await;
    host.fault(json!({ "kind": "no_credit", "code": 127, "on": false }))
        .await;
    host.play("> AT+CUSD=1,\"*100#\",15\n< OK\n~ 3000\n< +CUSD: 0,\"Balance 3.00\",15")
        .await;
    assert_eq!(host.sim.handset(FRIEND).await, []);
}
