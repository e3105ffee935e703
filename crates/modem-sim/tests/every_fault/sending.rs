//! The prompt, and what follows Ctrl-Z.

use serde_json::json;

use crate::host::{FRIEND, HELLO, Host};

#[tokio::test(start_paused = true)]
async fn every_fault_03_the_prompt_takes_a_drawn_time() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "prompt_latency", "from_ms": 50, "to_ms": 100 }))
        .await;
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = tokio::time::Instant::now();
        host.play_open("> AT+CMGS=18").await;
        while host.hear().await != "\r\n> " {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        times.push(begun.elapsed().as_millis());
        host.play("> ^[\n< OK").await;
    }
    assert!(times.iter().all(|ms| (50..=101).contains(ms)), "{times:?}");
    times.dedup();
    assert!(times.len() > 5, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn every_fault_04_the_prompt_is_bare() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "bare_prompt" })).await;
    host.play(&format!(
        "> AT+CMGS=18\n~ 20\n<< \\r\\n>\\r\\n\n> {HELLO}^Z\n~ 500\n< +CMGS: 64\n< OK"
    ))
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_05_the_pdu_comes_back_although_echo_is_off() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "echo_pdu" })).await;
    host.send(&format!("<< {HELLO}\\x1A\n~ 500\n< +CMGS: 64\n< OK"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_06_the_prompt_comes_late() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "prompt_late", "ms": 6000 }))
        .await;
    host.play("> AT+CMGS=18\n~ 6020\n< >\n> ^[\n< OK").await;
    host.play("> AT+CMGS=18\n~ 20\n< >\n> ^[\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_07_the_prompt_never_comes() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "prompt_never" })).await;
    host.play("> AT+CMGS=18\n~ 5000\n> AT\n~ 1000\n> ^[\n< OK\n> AT\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_08_the_modem_is_still_in_the_prompt_of_a_dead_host() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "stuck_in_prompt" })).await;
    host.play("> AT\n~ 2000\n> AT\n~ 2000\n> ^[\n< OK\n> AT\n< OK")
        .await;
    assert_eq!(host.friend_reads().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_fault_09_escape_is_answered_in_three_ways() {
    let mut host = Host::quiet().await;
    for (answer, said) in [
        ("ok", "< OK"),
        ("refused", "< +CMS ERROR: 512"),
        ("nothing", "~ 1000"),
    ] {
        host.fault(json!({ "kind": "escape_answer", "answer": answer }))
            .await;
        host.play(&format!(
            "> AT+CMGS=18\n~ 20\n< >\n> ^[\n{said}\n> AT\n< OK"
        ))
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_10_the_reference_comes_without_an_ok() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.fault(json!({ "kind": "answer_without_ok" })).await;
    host.send("~ 500\n< +CMGS: 64\n~ 60000").await;
    host.send("~ 500\n< +CMGS: 65\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_11_the_ok_comes_without_a_reference() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "answer_without_reference" }))
        .await;
    host.send("~ 500\n< OK").await;
    assert_eq!(host.friend_reads().await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn every_fault_12_the_answer_comes_long_after_the_text_arrived() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.fault(json!({ "kind": "answer_late", "ms": 40_500 }))
        .await;
    host.send("~ 501").await;
    assert_eq!(host.friend_reads().await, ["hello"]);
    host.play("~ 40499\n< +CMGS: 64\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_13_no_answer_comes_and_the_port_stays_silent() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.fault(json!({ "kind": "silent_after_send", "for_ms": 600_000 }))
        .await;
    host.send("~ 120000\n> ^[\n> AT\n~ 479000").await;
    assert_eq!(host.friend_reads().await, ["hello"]);
    host.play("~ 2000\n> AT\n< OK").await;

    host.fault(json!({ "kind": "answer_lost" })).await;
    host.send("~ 120000\n> AT\n< OK").await;
    assert_eq!(host.friend_reads().await.len(), 2);

    host.fault(json!({ "kind": "silence" })).await;
    host.play("> AT\n~ 100000").await;
    host.fault(json!({ "kind": "silence_ends" })).await;
    host.play("> AT\n< OK").await;
    host.fault(json!({ "kind": "silence", "for_ms": 3000 }))
        .await;
    host.play("> AT\n~ 3001\n> AT\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_14_the_radio_s_timer_runs_out() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.fault(json!({ "kind": "refuse_late", "code": 332, "ms": 41_500 }))
        .await;
    host.send("~ 42000\n< +CMS ERROR: 332").await;
    assert_eq!(host.friend_reads().await.len(), 0);
    host.fault(json!({ "kind": "refuse_late", "accepted": true }))
        .await;
    host.send("~ 42500\n< +CMS ERROR: 332").await;
    assert_eq!(host.friend_reads().await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn every_fault_15_any_code_can_be_the_answer() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    let codes = [
        8, 10, 17, 21, 38, 41, 42, 50, 69, 96, 98, 127, 193, 208, 300, 304, 310, 314, 321, 322,
        330, 331, 340, 500, 512, 513, 514, 515,
    ];
    let sends: Vec<_> = (1..).zip(codes).collect();
    host.fault(json!({ "kind": "refuse", "sends": sends }))
        .await;
    for code in codes {
        host.send(&format!("~ 500\n< +CMS ERROR: {code}")).await;
    }
    host.send("~ 500\n< +CMGS: 92\n< OK").await;

    host.fault(json!({ "kind": "refuse_at_random", "codes": [38, 42], "per_mille": 1000 }))
        .await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        host.play_open(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ 500"))
            .await;
        seen.insert(host.hear().await);
    }
    let expected = ["\r\n+CMS ERROR: 38\r\n", "\r\n+CMS ERROR: 42\r\n"];
    assert_eq!(seen, expected.map(str::to_owned).into());
}

#[tokio::test(start_paused = true)]
async fn every_fault_33_the_phone_rings_while_a_text_is_under_way() {
    let mut host = Host::quiet().await;
    let ring = json!({ "kind": "ring_during_send", "number": FRIEND, "times": 2 });
    host.fault(ring).await;
    host.send("< RING\n~ 500\n< +CMGS: 64\n< OK").await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.play("~ 1000\n<* \\r\\n+CDS: 25*\n> AT+CLIP=1\n< OK")
        .await;
    host.send("< RING\n< +CLIP: \"+447700900123\",145,,,,0\n~ 500\n< +CMGS: 65\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_40_the_reference_is_the_modem_s_and_wraps() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    host.fault(json!({ "kind": "next_reference", "value": 255 }))
        .await;
    host.send("~ 500\n< +CMGS: 255\n< OK").await;
    host.send("~ 500\n< +CMGS: 0\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_54_more_messages_to_send_is_refused() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "cmms_refused" })).await;
    host.play("> AT+CMMS=2\n< +CMS ERROR: 500").await;
    host.fault(json!({ "kind": "cmms_refused", "on": false }))
        .await;
    host.play("> AT+CMMS=2\n< OK\n> AT+CMMS?\n< +CMMS: 2\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_66_a_send_takes_as_long_as_on_its_radio() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "no_reports" })).await;
    for (radio, from, to) in [
        ("gsm", 4000, 6000),
        ("umts", 2000, 3000),
        ("lte", 1000, 3000),
    ] {
        host.fault(json!({ "kind": "latency", "radio": radio }))
            .await;
        for _ in 0..5 {
            host.play_open(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n~ {from}"))
                .await;
            let mut heard = host.hear().await;
            let begun = tokio::time::Instant::now();
            while heard.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                heard = host.hear().await;
            }
            assert!(heard.starts_with("\r\n+CMGS: "), "{heard:?}");
            assert!(begun.elapsed().as_millis() <= to - from, "{radio}");
        }
    }
}
