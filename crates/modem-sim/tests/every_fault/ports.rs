//! Ports that go, come back elsewhere, or belong to somebody else.

use std::time::Duration;

use modem_sim::{Settings, SimError};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::host::{HELLO, Host};

fn two() -> Settings {
    Settings {
        modems: 2,
        ..Settings::default()
    }
}

/// What the modem at this port calls itself.
async fn imei(port: &mut DuplexStream) -> String {
    port.write_all(b"ATE0\rAT+CGSN\r").await.unwrap();
    let mut heard = String::new();
    while heard.matches("OK\r\n").count() < 2 {
        heard.push(char::from(port.read_u8().await.unwrap()));
    }
    heard
        .lines()
        .find(|line| line.len() == 15)
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn every_fault_56_a_sagging_supply_ends_a_send_and_restarts_the_modem() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "undervoltage", "for_ms": 3000 }))
        .await;
    host.send(
        "
        < UNDER-VOLTAGE WARNNING
        < UNDER-VOLTAGE POWER DOWN
        > AT
        ~ 3000
        << \\xFF\\x00
        > AT
        << AT\\r
        < OK
        ",
    )
    .await;
    assert_eq!(host.friend_reads().await.len(), 0);
    host.fault(json!({ "kind": "undervoltage", "for_ms": 3000, "accepted": true }))
        .await;
    host.play(&format!(
        "> ATE0\n<< ATE0\\r\n< OK\n> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n< UNDER-VOLTAGE WARNNING\n< UNDER-VOLTAGE POWER DOWN\n~ 3000\n<< \\xFF\\x00"
    ))
    .await;
    assert_eq!(host.friend_reads().await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn every_fault_57_the_port_goes_for_nine_seconds_even_in_mid_send() {
    let mut host = Host::of(Settings {
        personalities: vec!["huawei-e3372".into()],
        ..Settings::default()
    });
    host.fault(json!({ "kind": "reenumeration", "for_ms": 9000 }))
        .await;
    assert!(host.has_ended().await);
    let begun = tokio::time::Instant::now();
    host.next_port().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(9));
    host.play("~ 500\n< ^BOOT:27710117,0,0,0,75\n~ 400\n< ^SIMST:1")
        .await;

    host.fault(json!({ "kind": "loses_in_flight" })).await;
    host.fault(json!({ "kind": "reenumeration", "for_ms": 3000, "in_flight": true }))
        .await;
    host.play(&format!(
        "> ATE0\n<< ATE0\\r\n< OK\n> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z"
    ))
    .await;
    assert!(host.has_ended().await);
    host.next_port().await;
    assert_eq!(host.friend_reads().await.len(), 0);

    host.fault(json!({ "kind": "loses_in_flight", "on": false }))
        .await;
    host.fault(json!({ "kind": "reenumeration", "for_ms": 3000, "in_flight": true }))
        .await;
    host.play(&format!(
        "~ 500\n< ^BOOT:27710117,0,0,0,75\n~ 400\n< ^SIMST:1\n> ATE0\n<< ATE0\\r\n< OK\n> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z"
    ))
    .await;
    host.next_port().await;
    assert_eq!(host.friend_reads().await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn every_fault_58_two_modems_come_back_under_each_other_s_port() {
    let mut host = Host::of(two());
    let (one, other) = (imei(&mut host.port).await, imei(&mut host.others[0]).await);
    assert_ne!(one, other);
    host.fault(json!({ "kind": "swap_ports", "with": 1, "for_ms": 9000 }))
        .await;
    let (mut first, mut second) = (
        host.sim.next_port(0).await.unwrap(),
        host.sim.next_port(1).await.unwrap(),
    );
    assert_eq!(imei(&mut first).await, other);
    assert_eq!(imei(&mut second).await, one);
    let stats = host.sim.stats().await;
    assert_eq!(stats[0].imei, one, "a modem stays the one it is");
}

#[tokio::test(start_paused = true)]
async fn every_fault_59_all_modems_lose_their_ports_at_once() {
    let mut host = Host::of(two());
    host.fault(json!({ "kind": "brown_out", "for_ms": 3000 }))
        .await;
    assert!(host.has_ended().await);
    assert_eq!(host.others[0].read(&mut [0; 1]).await.unwrap(), 0);
    for modem in [0, 1] {
        let mut port = host.sim.next_port(modem).await.unwrap();
        imei(&mut port).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_65_somebody_else_has_the_port_or_types_on_it() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "foreign_host", "text": "AT", "every_ms": 500, "times": 2 }))
        .await;
    host.play("~ 500\n< OK\n~ 500\n< OK\n~ 5000").await;

    host.fault(json!({ "kind": "port_busy" })).await;
    let refused = host.sim.reopen(0).await.unwrap_err();
    assert!(
        matches!(refused, SimError::PortBusy { modem: 0 }),
        "{refused}"
    );
    host.fault(json!({ "kind": "port_busy", "on": false }))
        .await;
    host.port = host.sim.reopen(0).await.unwrap();
    host.play("> AT\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_68_a_reset_takes_the_port_away() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "reset_drops_port", "for_ms": 15_000 }))
        .await;
    host.play("> AT+CFUN=1,1\n< OK\n~ 99").await;
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(host.has_ended().await);
    host.next_port().await;
    assert_eq!(begun.elapsed(), Duration::from_millis(15_001));
    host.play("> AT\n<< AT\\r\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_69_a_modem_restarts_by_itself() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "reboots_itself", "every_ms": 3_600_000 }))
        .await;
    host.play("~ 3600000\n> ATE0\n<< ATE0\\r\n< OK").await;
    host.play("~ 3600000\n> ATE0\n<< ATE0\\r\n< OK").await;
    host.fault(json!({ "kind": "clear" })).await;
    host.play("~ 3600000\n> AT\n< OK").await;

    host.fault(json!({ "kind": "reboots_itself", "every_ms": 60_000, "gone_ms": 5000 }))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(host.has_ended().await);
    host.next_port().await;
    host.play("> AT\n<< AT\\r\n< OK").await;
}
