//! What distinguishes the personalities, as a host meets it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::time::Duration;

use modem_sim::{PERSONALITIES, Settings, SimInMemory, in_memory};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// "hello" to +447700900123.
const HELLO: &str = "0001000C91447700091032000005E8329BFD06\u{1A}";

struct Host {
    sim: SimInMemory,
    port: DuplexStream,
}

impl Host {
    /// Echo off, errors with numbers, and nothing said unasked.
    async fn of(personality: &str) -> Self {
        let (sim, mut ports) = in_memory(Settings {
            personalities: vec![personality.into()],
            ..Settings::default()
        });
        let port = ports.remove(0);
        let mut host = Self { sim, port };
        for command in ["ATE0", "AT+CMEE=1", "AT^CURC=0", "AT+CPMS?"] {
            host.ask(command).await;
        }
        host
    }

    /// The answer to a command. None takes as long, and no flood leaves such gaps.
    async fn ask(&mut self, command: &str) -> String {
        self.port
            .write_all(format!("{command}\r").as_bytes())
            .await
            .unwrap();
        self.hear().await
    }

    async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let mut buf = [0; 4096];
        let patience = Duration::from_millis(400);
        while let Ok(Ok(count)) = tokio::time::timeout(patience, self.port.read(&mut buf)).await {
            heard.extend_from_slice(&buf[..count]);
        }
        String::from_utf8(heard).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_them_sends_and_receives() {
    for personality in PERSONALITIES {
        let mut host = Host::of(personality).await;
        let mut set = host.ask("AT+CNMI=2,1,0,1,0").await;
        for other in ["AT+CNMI=1,1,0,1,0", "AT+CNMI=2,1,0,2,1"] {
            if !set.contains("OK") {
                set = host.ask(other).await;
            }
        }
        assert!(set.starts_with("\r\nOK\r\n"), "{personality}: {set:?}");
        assert!(
            host.ask("AT+CMGS=18").await.ends_with("\r\n> "),
            "{personality}"
        );
        host.port.write_all(HELLO.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(550)).await;
        let sent = host.hear().await;
        assert!(sent.starts_with("\r\n+CMGS: "), "{personality}: {sent:?}");
        assert_eq!(host.sim.times("+447700900123", "hello").await.unwrap(), 1);

        host.sim.reply_to(0, "+447700900123", "hi").await.unwrap();
        let told = host.hear().await;
        let place = told.trim().strip_prefix("+CMTI: ").unwrap();
        let (store, index) = place.split_once(',').unwrap();
        // The three-value form is the only one that some have, and the two-value form the longest of others.
        for form in [
            format!("{store},{store},{store}"),
            format!("{store},{store}"),
        ] {
            host.ask(&format!("AT+CPMS={form}")).await;
        }
        let read = host.ask(&format!("AT+CMGR={index}")).await;
        assert!(
            read.starts_with("\r\n+CMGR: 0,,21\r\n"),
            "{personality}: {read:?}"
        );
        let deleted = host.ask(&format!("AT+CMGD={index}")).await;
        assert!(
            deleted.starts_with("\r\nOK\r\n"),
            "{personality}: {deleted:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_them_has_its_own_way_to_the_iccid_and_to_the_tries_left() {
    for (personality, iccid, tries) in [
        (
            "generic",
            "AT+CCID > +CCID: 8986",
            "AT+CPINR > +CPINR: SIM PIN,2,3",
        ),
        (
            "huawei-e-series",
            "AT^ICCID? > ^ICCID: 8986",
            "AT^CPIN? > ^CPIN: SIM PIN,2,10,2,10,3",
        ),
        (
            "huawei-e3372",
            "AT^ICCID? > ^ICCID: 8986",
            "AT^CPIN? > ^CPIN: SIM PIN,2,10,2,10,3",
        ),
        (
            "zte",
            "AT+ZGETICCID > +ZGETICCID: 8986",
            "AT+ZPINPUK=? > +ZPINPUK: 2,10,3,10",
        ),
        (
            "simcom-sim800",
            "AT+CCID > 8986",
            "AT+SPIC > +SPIC: 2,10,3,10",
        ),
        (
            "simcom-sim7600",
            "AT+CICCID > +ICCID: 8986",
            "AT+SPIC > +SPIC: 2,10,3,10",
        ),
        (
            "simcom-a7670",
            "AT+CICCID > +ICCID: 8986",
            "AT+SPIC > +SPIC: 2,10,3,10",
        ),
        (
            "quectel-ec25",
            "AT+QCCID > +QCCID: 8986",
            "AT+QPINC? > +QPINC: \"SC\",2,10",
        ),
        (
            "quectel-m26",
            "AT+QCCID > 8986",
            "AT+QTRPIN > +QTRPIN: 2,3,10,10",
        ),
        (
            "sierra-mc",
            "AT!ICCID? > !ICCID: 8986",
            "AT+CPINC? > +CPINC: 2,3,10,10",
        ),
        ("telit", "AT#CCID > #CCID: 8986", "AT#PCT > #PCT: 2"),
        (
            "u-blox",
            "AT+CCID > +CCID: 8986",
            "AT+UPINCNT > +UPINCNT: 2,3,10,10",
        ),
        (
            "wavecom",
            "AT+CCID > +CCID: \"8986",
            "AT+CPINC? > +CPINC: 2,3,10,10",
        ),
        ("cinterion", "AT^SCID > ^SCID: 8986", "AT^SPIC > ^SPIC: 2"),
    ] {
        let mut host = Host::of(personality).await;
        let lock = json!({ "kind": "sim_lock", "pin": "1234" });
        let order = json!({ "do": "fault", "modem": 0, "fault": lock });
        host.sim.call(order).await.unwrap();
        host.ask("AT+CPIN=0000").await;
        for question in [iccid, tries] {
            let (command, expected) = question.split_once(" > ").unwrap();
            let answer = host.ask(command).await;
            let lines = answer.strip_prefix("\r\n").unwrap();
            assert!(
                lines.starts_with(expected),
                "{personality}, {command}: {answer:?}"
            );
        }
        // Whoever knows none of these reads the file itself: digits in swapped pairs.
        let record = host.ask("AT+CRSM=176,12258,0,0,10").await;
        assert!(
            record.starts_with("\r\n+CRSM: 144,0,\"9868"),
            "{personality}: {record:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_them_refuses_in_its_own_words() {
    for (personality, unknown) in [
        ("generic", "ERROR"),
        ("huawei-e-series", "COMMAND NOT SUPPORT"),
        ("huawei-e3372", "COMMAND NOT SUPPORT"),
        ("zte", "ERROR"),
        ("simcom-sim800", "ERROR"),
        ("simcom-sim7600", "ERROR"),
        ("simcom-a7670", "ERROR"),
        ("quectel-ec25", "ERROR"),
        ("quectel-m26", "ERROR"),
        ("sierra-mc", "ERROR"),
        ("telit", "ERROR"),
        ("u-blox", "ERROR"),
        ("wavecom", "ERROR"),
        ("cinterion", "ERROR"),
    ] {
        let mut host = Host::of(personality).await;
        let answer = host.ask("AT+FOO").await;
        assert_eq!(answer.trim(), unknown, "{personality}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_maker_s_quieting_is_taken_and_that_of_others_is_not() {
    for (personality, own, foreign) in [
        (
            "huawei-e3372",
            "AT^CURC=0",
            "AT+QURCCFG=\"urcport\",\"usbat\"",
        ),
        (
            "quectel-ec25",
            "AT+QURCCFG=\"urcport\",\"usbat\"",
            "AT^CURC=0",
        ),
        ("simcom-sim7600", "AT+CNSMOD=0", "AT+ZOPRT=5"),
        ("zte", "AT+ZOPRT=5", "AT+CNSMOD=0"),
        ("wavecom", "AT+WIND=0", "AT+CIURC=0"),
        ("simcom-sim800", "AT+CIURC=0", "AT+WIND=0"),
        ("simcom-a7670", "AT+AUTOCSQ=0", "AT#QSS=1"),
        ("telit", "AT#SELINT=2", "AT^SCKS=1"),
        ("cinterion", "AT^SCKS=1", "AT#QSS=1"),
    ] {
        let mut host = Host::of(personality).await;
        assert!(
            host.ask(own).await.starts_with("\r\nOK\r\n"),
            "{personality}"
        );
        assert!(!host.ask(foreign).await.contains("OK"), "{personality}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_huawei_talks_by_itself_until_it_is_quieted() {
    let (_sim, mut ports) = in_memory(Settings {
        personalities: vec!["huawei-e-series".into()],
        ..Settings::default()
    });
    let port = &mut ports[0];
    let mut heard = vec![0; 11];
    port.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, b"\r\n^RSSI:18\r\n"[..11]);
    port.write_all(b"ATE0\rAT^CURC=0\r").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut rest = [0; 256];
    let count = port.read(&mut rest).await.unwrap();
    assert!(rest[..count].ends_with(b"\r\nOK\r\n\r\n"));
    let read = port.read(&mut rest);
    let silent = tokio::time::timeout(Duration::from_secs(3600), read).await;
    assert!(silent.is_err(), "something was said within an hour");
}

#[tokio::test(start_paused = true)]
async fn a_telit_does_not_hear_what_comes_right_behind_a_result() {
    for (pause, is_heard) in [(19, false), (20, true)] {
        let mut host = Host::of("telit").await;
        host.port.write_all(b"AT\r").await.unwrap();
        let mut said = [0; 6];
        host.port.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"\r\nOK\r\n");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let answer = host.ask("AT+CGMI").await;
        assert_eq!(answer.contains("Telit"), is_heard, "{pause} ms: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_told_in_the_makers_own_words() {
    for (personality, restart, words) in [
        ("cinterion", "AT+CFUN=1,1", "^SYSSTART"),
        ("simcom-a7670", "AT+CRESET", "*ATREADY: 1"),
        ("quectel-m26", "AT+CFUN=1,1", "RDY"),
    ] {
        let mut host = Host::of(personality).await;
        assert!(host.ask(restart).await.contains("OK"), "{personality}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        let said = host.hear().await;
        assert!(said.contains(words), "{personality}: {said:?}");
        // Nothing that the host had set is left.
        assert!(host.ask("AT").await.starts_with("AT\r"), "{personality}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_says_its_boot_lines_when_it_is_plugged_in() {
    let mut host = Host::of("quectel-ec25").await;
    host.sim.unplug(0).await.unwrap();
    host.port = host.sim.plug(0).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let said = host.hear().await;
    assert_eq!(
        said,
        "\r\nRDY\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n\r\n+QIND: SMS DONE\r\n\r\n+QIND: PB DONE\r\n"
    );
}
