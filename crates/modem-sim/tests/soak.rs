//! Accelerated time: what an hour of virtual time costs is what happens in it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::time::Duration;

use modem_sim::{MobileText, NetworkSettings, Scenario, Settings, in_memory};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const HELLO: &str = "0001000C91447700091032000005E8329BFD06\u{1A}";

async fn hear(port: &mut DuplexStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        heard.push(port.read_u8().await.unwrap());
    }
    String::from_utf8(heard).unwrap()
}

/// Sends so many texts through one modem, one behind the other.
async fn send_all(mut port: DuplexStream, count: u32) {
    port.write_all(b"ATE0\r").await.unwrap();
    hear(&mut port, "OK\r\n").await;
    for _ in 0..count {
        port.write_all(b"AT+CMGS=18\r").await.unwrap();
        hear(&mut port, "> ").await;
        port.write_all(HELLO.as_bytes()).await.unwrap();
        hear(&mut port, "OK\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn hours_of_sending_pass_as_fast_as_the_texts_can_be_counted() {
    const EACH: u32 = 500;
    let settings = Settings {
        modems: 8,
        network: NetworkSettings {
            latency: Duration::from_secs(5),
            ..NetworkSettings::default()
        },
        ..Settings::default()
    };
    let (sim, ports) = in_memory(settings);
    let begun = tokio::time::Instant::now();
    let hosts: Vec<_> = ports
        .into_iter()
        .map(|port| tokio::spawn(send_all(port, EACH)))
        .collect();
    for host in hosts {
        host.await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(5020) * EACH);
    let totals = sim.totals().await.unwrap();
    assert_eq!((totals.received, totals.repeated), (8 * 500, 8 * 500 - 1));
    assert_eq!(sim.times("+447700900123", "hello").await.unwrap(), 8 * 500);
}

#[tokio::test(start_paused = true)]
async fn a_scenario_is_played_on_the_same_clock() {
    let file = r#"
        [[modem]]
        personality = "huawei-e3372"
        sim_slots = 10

        [[at]]
        after_ms = 60000
        deliver = [{ from = "+447700900123", text = "hi" }]

        [[at]]
        after_ms = 90000
        fault = { kind = "reenumeration", for_ms = 9000 }
    "#;
    let (sim, mut ports) = in_memory(Settings {
        scenario: Some(Scenario::parse(file, 1).unwrap()),
        ..Settings::default()
    });
    let begun = tokio::time::Instant::now();
    let port = &mut ports[0];
    port.write_all(b"ATE0\rAT^CURC=0\rAT+CNMI=1,1,0,1,0\rAT+CPMS?\r")
        .await
        .unwrap();
    let told = hear(port, "10\r\n\r\nOK\r\n").await;
    assert!(told.contains("+CPMS: \"SM\",0,10,"), "{told}");
    hear(port, "+CMTI: \"SM\",0\r\n").await;
    assert_eq!(begun.elapsed(), Duration::from_secs(60));
    assert_eq!(port.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(begun.elapsed(), Duration::from_secs(90));
    sim.next_port(0).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(99));
}

#[tokio::test(start_paused = true)]
async fn random_faults_of_a_seed_befall_every_modem_alike_in_every_run() {
    async fn run() -> Vec<String> {
        let file = r#"
            [random]
            every_ms = 1000
            seed = 3
            faults = [{ kind = "urc", text = "RING" }, { kind = "urc", text = "^RSSI:18" }]
        "#;
        let (_sim, mut ports) = in_memory(Settings {
            modems: 2,
            scenario: Some(Scenario::parse(file, 2).unwrap()),
            ..Settings::default()
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut heard = Vec::new();
        for port in &mut ports {
            let mut buf = vec![0; 4096];
            let count = port.read(&mut buf).await.unwrap();
            heard.push(String::from_utf8(buf[..count].to_vec()).unwrap());
        }
        heard
    }
    let first = run().await;
    assert_eq!(first, run().await);
    for said in &first {
        assert!(said.contains("RING") && said.contains("^RSSI:18"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_that_wait_are_bounded() {
    let (sim, _ports) = in_memory(Settings::default());
    let texts = vec![MobileText::new("+447700900123", "hi"); 2100];
    let refused = sim.deliver(0, texts).await.unwrap_err().to_string();
    assert!(
        refused.contains("too many texts wait for modem 0"),
        "{refused}"
    );
}
