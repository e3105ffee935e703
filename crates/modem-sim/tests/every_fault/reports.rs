//! Reports: their form, their order, their place.

use serde_json::json;

use crate::host::{FRIEND, Host};

/// A report on reference 64 to the friend with this status, as it stands behind +CDS.
fn report(status: &str) -> String {
    format!("<* \\r\\n+CDS: 25\\r\\n0891683108100005F006400C91447700091032*{status}\\r\\n")
}

#[tokio::test(start_paused = true)]
async fn every_fault_35_an_unacknowledged_report_turns_reception_off() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "cnma_timeout", "ms": 5000 }))
        .await;
    host.play("> AT+CSMS=1\n< +CSMS: 1,1,1\n< OK\n> AT+CNMI=2,2,0,1,0\n< OK")
        .await;
    host.receive("hi").await;
    host.play(
        r"
        <* \r\n+CMT: ,21\r\n*02E834\r\n
        ~ 5001
        > AT+CNMI?
        < +CNMI: 2,0,0,0,0
        < OK
        ~ 30000
        > AT+CMGL=4
        <* \r\n+CMGL: 1,0,,21\r\n*02E834\r\n\r\nOK\r\n
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_36_a_second_acknowledgement_is_refused_and_so_may_be_the_first() {
    let mut host = Host::quiet().await;
    host.play("> AT+CSMS=1\n< +CSMS: 1,1,1\n< OK\n> AT+CNMI=2,2,0,1,0\n< OK")
        .await;
    host.receive("hi").await;
    host.play("<* \\r\\n+CMT: ,21\\r\\n*\n> AT+CNMA\n< OK\n> AT+CNMA\n< +CMS ERROR: 340")
        .await;
    host.fault(json!({ "kind": "cnma_refused" })).await;
    host.receive("hi").await;
    host.play("<* \\r\\n+CMT: ,21\\r\\n*\n> AT+CNMA\n< +CMS ERROR: 340\n~ 60000")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_37_a_report_begins_with_a_comma() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "report_comma" })).await;
    host.send("~ 500\n< +CMGS: 64\n< OK\n~ 1000\n<* \\r\\n+CDS: ,25\\r\\n*00\\r\\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_38_a_stored_report_is_announced_elsewhere_or_cannot_be_read() {
    let mut host = Host::quiet().await;
    host.play("> AT+CNMI=2,1,0,2,0\n< OK").await;
    host.fault(json!({ "kind": "report_store", "announced": "SM", "index": 0 }))
        .await;
    host.send("~ 500\n< +CMGS: 64\n< OK\n~ 1000\n< +CDSI: \"SM\",0")
        .await;
    host.play(
        r#"
        > AT+CPMS="SR"
        < +CPMS: 1,10,0,50,0,50
        < OK
        > AT+CMGR=1
        <* \r\n+CMGR: 0,,25\r\n0891683108100005F00640*\r\n\r\nOK\r\n
        "#,
    )
    .await;
    host.fault(json!({ "kind": "report_store", "unreadable": true }))
        .await;
    host.send("~ 500\n< +CMGS: 65\n< OK\n~ 1000\n< +CDSI: \"SR\",2")
        .await;
    host.play(
        r#"
        > AT+CPMS="SR"
        < +CPMS: 0,0,0,50,0,50
        < OK
        > AT+CMGR=2
        < +CMS ERROR: 321
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_39_reports_come_early_twice_in_stages_astray_and_in_national_form() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "report_first" })).await;
    host.fault(json!({ "kind": "report_status", "status": 0x46 }))
        .await;
    host.send(
        "~ 500\n<* \\r\\n+CDS: 25\\r\\n0891683108100005F00640*46\\r\\n\\r\\n+CMGS: 64\\r\\n\\r\\nOK\\r\\n",
    )
    .await;

    let again = json!({ "kind": "next_reference", "value": 64 });
    host.fault(again.clone()).await;
    host.fault(json!({ "kind": "report_twice" })).await;
    let (one, answer) = (report("00"), "~ 500\n< +CMGS: 64\n< OK\n~ 1000");
    host.send(&format!(
        "{answer}\n{}",
        one.replace("*00", "*00\\r\\n\\r\\n+CDS: 25\\r\\n*00")
    ))
    .await;

    host.fault(again.clone()).await;
    host.fault(json!({ "kind": "report_pending", "status": 0x30 }))
        .await;
    let pending = report("30");
    host.send(&format!(
        "~ 500\n< +CMGS: 64\n< OK\n~ 500\n{pending}\n~ 500\n{one}"
    ))
    .await;

    host.fault(again).await;
    host.fault(json!({ "kind": "report_national" })).await;
    host.send(&format!(
        "{answer}\n<* \\r\\n+CDS: 25\\r\\n0891683108100005F006400B817007900021F3*00\\r\\n"
    ))
    .await;

    host.fault(json!({ "kind": "report_stray", "reference": 7 }))
        .await;
    host.play("<* \\r\\n+CDS: 26\\r\\n0891683108100005F006070D91683108108300F0*00\\r\\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_63_the_operator_takes_a_text_and_does_not_deliver_it() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "operator_filter", "expires_ms": 60_000 }))
        .await;
    let expired = report("46");
    host.send(&format!("~ 500\n< +CMGS: 64\n< OK\n~ 60000\n{expired}"))
        .await;
    host.fault(json!({ "kind": "operator_filter" })).await;
    host.send("~ 500\n< +CMGS: 65\n< OK\n~ 600000").await;
    assert_eq!(host.sim.handset(FRIEND).await, []);
}

#[tokio::test(start_paused = true)]
async fn every_fault_64_no_report_comes() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports", "times": 1 }))
        .await;
    host.send("~ 500\n< +CMGS: 64\n< OK\n~ 600000").await;
    assert_eq!(host.friend_reads().await, ["hello"]);
    host.send("~ 500\n< +CMGS: 65\n< OK\n~ 1000\n<* \\r\\n+CDS: 25\\r\\n*00\\r\\n")
        .await;
}
