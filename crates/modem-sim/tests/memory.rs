//! The simulator in memory, under a paused clock.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::time::Duration;

use modem_sim::{Fault, Settings, in_memory};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// "hello" to +447700900123 with a report wanted (modem/transcripts/03).
const HELLO: &str = "0021000C91447700091032000005E8329BFD06\u{1A}";

async fn hear(port: &mut DuplexStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        let octet = port.read_u8().await;
        heard.push(octet.unwrap_or_else(|_| panic!("the line ended after {heard:?}")));
    }
    String::from_utf8(heard).unwrap()
}

async fn say(port: &mut DuplexStream, text: &str) {
    port.write_all(text.as_bytes()).await.unwrap();
}

async fn set_up(port: &mut DuplexStream) {
    say(port, "ATE0\r").await;
    hear(port, "OK\r\n").await;
    say(port, "AT+CMEE=1;+CNMI=2,1,0,1,0\r").await;
    hear(port, "OK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_text_takes_its_time_on_the_paused_clock() {
    let (sim, mut ports) = in_memory(Settings::default());
    let port = &mut ports[0];
    set_up(port).await;
    let begun = tokio::time::Instant::now();
    say(port, "AT+CMGS=18\r").await;
    assert_eq!(hear(port, "> ").await, "\r\n> ");
    assert_eq!(begun.elapsed(), Duration::from_millis(20));
    say(port, HELLO).await;
    hear(port, "OK\r\n").await;
    assert_eq!(begun.elapsed(), Duration::from_millis(520));
    hear(port, "+CDS: 25\r\n").await;
    assert_eq!(begun.elapsed(), Duration::from_millis(1520));

    assert_eq!(sim.handset("+447700900123").await[0].text, "hello");
    let (entries, next) = sim.ledger(1).await.unwrap();
    assert_eq!((entries.len(), next), (1, 2));
    assert_eq!(sim.stats().await[0].accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_line_ends_and_a_new_one_begins() {
    let (sim, mut ports) = in_memory(Settings::default());
    sim.unplug(0).await.unwrap();
    assert_eq!(ports[0].read(&mut [0; 8]).await.unwrap(), 0);
    let mut port = sim.plug(0).await.unwrap();
    say(&mut port, "AT\r").await;
    assert_eq!(hear(&mut port, "OK\r\n").await, "AT\r\r\nOK\r\n");

    sim.call(json!({ "do": "unplug", "modem": 0, "for_ms": 9000 }))
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    let mut port = sim.next_port(0).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(9));
    say(&mut port, "AT\r").await;
    hear(&mut port, "OK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_port_opened_again_finds_the_modem_as_it_was() {
    let (sim, mut ports) = in_memory(Settings::default());
    set_up(&mut ports[0]).await;
    drop(ports);
    let mut port = sim.reopen(0).await.unwrap();
    say(&mut port, "AT\r").await;
    assert_eq!(hear(&mut port, "OK\r\n").await, "\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn two_modems_do_not_wait_for_each_other() {
    let (sim, mut ports) = in_memory(Settings {
        modems: 2,
        ..Settings::default()
    });
    let begun = tokio::time::Instant::now();
    for port in &mut ports {
        set_up(port).await;
        say(port, "AT+CMGS=18\r").await;
    }
    for port in &mut ports {
        hear(port, "> ").await;
        say(port, HELLO).await;
    }
    sim.wait_accepted(2, Duration::from_secs(60)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(520));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_texts_arrive_as_fast_as_the_host_makes_room() {
    let (sim, mut ports) = in_memory(Settings::default());
    let port = &mut ports[0];
    set_up(port).await;
    for n in 0..200 {
        sim.reply_to(0, "+447700900123", &format!("text {n}"))
            .await
            .unwrap();
    }
    let mut announced = 0;
    while announced < 200 {
        let line = hear(port, "\r\n").await;
        let Some(index) = line.strip_prefix("+CMTI: \"SM\",") else {
            continue;
        };
        announced += 1;
        say(port, &format!("AT+CMGD={}\r", index.trim())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_ordered_by_method_or_by_json() {
    let (sim, mut ports) = in_memory(Settings::default());
    let port = &mut ports[0];
    set_up(port).await;
    let sends = vec![(1, 38)];
    sim.fault(0, Fault::Refuse { sends }).await.unwrap();
    say(port, "AT+CMGS=18\r").await;
    hear(port, "> ").await;
    say(port, HELLO).await;
    assert_eq!(hear(port, "38\r\n").await, "\r\n+CMS ERROR: 38\r\n");
    let order = json!({ "do": "fault", "modem": 0, "fault": { "kind": "urc", "text": "RING" } });
    sim.call(order).await.unwrap();
    assert_eq!(hear(port, "G\r\n").await, "\r\nRING\r\n");
}
