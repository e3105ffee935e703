//! Every recorded conversation can be read and played, its host keeps to it; and the simulator, given the same
//! words by a host, says what the modem said, up to what differs from one SIM and moment to the next.
//!
//! 27, 37 and 42 are about makes that the simulator has no personality for; [`Replay`] alone plays them.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use modem_sim::{MobileText, Replay, Settings, SimInMemory, Transcript, in_memory};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Name and content of every file.
fn transcripts() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hardware/transcripts");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "at"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let transcript = Transcript::parse(&text);
            let transcript = transcript.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, transcript)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn all_forty_two_are_there() {
    let numbers: Vec<usize> = transcripts()
        .iter()
        .map(|(name, _)| name[..2].parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=42).collect::<Vec<_>>());
}

#[test]
fn the_recorded_host_keeps_to_its_recording() {
    for (name, transcript) in transcripts() {
        let mut now = Instant::now();
        let mut modem = Replay::new(now, transcript.clone());
        let mut said = Vec::new();
        for turn in transcript.turns() {
            if let Some(host) = &turn.host {
                now += host.pause;
                modem.take(now, &host.octets);
            }
            while let Some(due) = modem.deadline() {
                now = due;
                modem.expire(now);
            }
            said.extend(std::iter::from_fn(|| modem.poll()).flatten());
        }
        assert!(modem.is_over(), "{name}");
        assert_eq!(modem.departures(), [], "{name}");
        let recorded = transcript.turns().iter().flat_map(|turn| &turn.modem);
        let recorded: Vec<u8> = recorded.flat_map(|line| line.octets.clone()).collect();
        assert_eq!(said, recorded, "{name}");
    }
}

/// A simulated modem at the recorded host's line.
struct Stage {
    sim: SimInMemory,
    port: DuplexStream,
    turns: std::vec::IntoIter<modem_sim::Turn>,
    /// How long a turn is over, beyond the recorded delays, when nothing more is said.
    patience: Duration,
}

impl Stage {
    /// The transcript of this number, in front of this personality.
    fn set(number: usize, personality: &str) -> Self {
        let (_, transcript) = transcripts().remove(number - 1);
        let (sim, mut ports) = in_memory(Settings {
            personalities: vec![personality.into()],
            ..Settings::default()
        });
        Self {
            sim,
            port: ports.remove(0),
            turns: transcript.turns().to_vec().into_iter(),
            patience: Duration::from_millis(600),
        }
    }

    /// What the transcript takes for granted.
    async fn fault(&mut self, fault: Value) {
        let order = json!({ "do": "fault", "modem": 0, "fault": fault });
        self.sim.call(order).await.unwrap();
    }

    /// What the host had set before the transcript begins; the answers are not looked at.
    async fn before(&mut self, line: &str) {
        self.port.write_all(line.as_bytes()).await.unwrap();
        self.hear(Duration::from_millis(400)).await;
    }

    /// Everything that is said until nothing has been for so long.
    async fn hear(&mut self, patience: Duration) -> String {
        let mut heard = Vec::new();
        let mut buf = [0; 4096];
        while let Ok(Ok(count)) = tokio::time::timeout(patience, self.port.read(&mut buf)).await {
            heard.extend_from_slice(&buf[..count]);
            if count == 0 {
                break;
            }
        }
        heard.iter().copied().map(char::from).collect()
    }

    /// Plays so many turns; the simulator has to say what is recorded.
    #[track_caller]
    fn play(&mut self, turns: usize) -> impl Future<Output = ()> {
        self.play_as(turns, |recorded| recorded)
    }

    /// As [`Stage::play`], with the recorded words changed to what differs here and now.
    async fn play_as(&mut self, turns: usize, here: impl Fn(String) -> String) {
        for _ in 0..turns {
            let turn = self.turns.next().expect("the transcript has so many turns");
            let mut line = 0;
            if let Some(host) = &turn.host {
                tokio::time::sleep(host.pause).await;
                self.port.write_all(&host.octets).await.unwrap();
                line = host.line;
            }
            let recorded: Duration = turn.modem.iter().map(|said| said.after).sum();
            let said = self.hear(recorded + self.patience).await;
            let expected: String = turn.modem.iter().map(|said| text(&said.octets)).collect();
            assert_eq!(said, here(expected), "behind line {line}");
        }
    }

    /// Turns that are for another make.
    fn skip(&mut self, turns: usize) {
        for _ in 0..turns {
            self.turns.next().expect("the transcript has so many turns");
        }
    }
}

fn text(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

#[tokio::test(start_paused = true)]
async fn transcript_01_echo_on_then_off() {
    let mut stage = Stage::set(1, "generic");
    let signal = json!({ "kind": "signal", "rssi": 9 });
    stage.fault(signal).await;
    stage.play(6).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_02_numeric_result_codes_v0() {
    let mut stage = Stage::set(2, "generic");
    stage.fault(json!({ "kind": "numeric_results" })).await;
    stage.play(3).await;
}

/// Service centre, recipient and times are the network's here.
fn report_of_here(recorded: &str, said: &str) -> String {
    let at = recorded.find("+CDS:").unwrap();
    let (answer, _) = recorded.split_at(at);
    let pdu = &said[said.find("+CDS:").unwrap()..];
    format!("{answer}{pdu}")
}

#[tokio::test(start_paused = true)]
async fn transcript_03_send_pdu_ok_echo_off() {
    let mut stage = Stage::set(3, "generic");
    stage.before("ATE0\rAT+CNMI=2,1,0,1,0\r").await;
    stage
        .fault(json!({ "kind": "next_reference", "value": 64 }))
        .await;
    stage.play(1).await;
    let turn = stage.turns.next().unwrap();
    let host = turn.host.unwrap();
    stage.port.write_all(&host.octets).await.unwrap();
    let said = stage.hear(Duration::from_secs(20)).await;
    let recorded: String = turn.modem.iter().map(|said| text(&said.octets)).collect();
    assert_eq!(said, report_of_here(&recorded, &said));
    assert!(said.contains("+CDS: 25\r\n0891683108100005F006400C91447700091032"));
    assert!(said.ends_with("00\r\n"));
}

#[tokio::test(start_paused = true)]
async fn transcript_04_send_pdu_echo_on_cms38() {
    let mut stage = Stage::set(4, "generic");
    stage.before("AT+CMEE=1\r").await;
    stage
        .fault(json!({ "kind": "refuse", "sends": [[1, 38]] }))
        .await;
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_05_send_abort_esc() {
    let mut stage = Stage::set(5, "generic");
    stage.before("ATE0\rAT+CMEE=1\r").await;
    stage.play(2).await;
    let mut stage = Stage::set(5, "wavecom");
    stage.before("ATE0\rAT+CMEE=1\r").await;
    stage.skip(2);
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_06_send_prompt_never_comes_stuck() {
    let mut stage = Stage::set(6, "generic");
    stage.before("ATE0\r").await;
    stage.fault(json!({ "kind": "stuck_in_prompt" })).await;
    stage.play(3).await;
    assert_eq!(stage.sim.totals().await.unwrap().received, 0);
}

#[tokio::test(start_paused = true)]
async fn transcript_07_send_late_cmgs_after_host_timeout() {
    let mut stage = Stage::set(7, "generic");
    stage.before("ATE0\r").await;
    stage
        .fault(json!({ "kind": "next_reference", "value": 12 }))
        .await;
    stage
        .fault(json!({ "kind": "answer_late", "ms": 40_800 }))
        .await;
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_08_send_tr1m_timeout() {
    let mut stage = Stage::set(8, "generic");
    stage.before("ATE0\rAT+CMEE=1\r").await;
    stage
        .fault(json!({ "kind": "refuse_late", "code": 332, "ms": 41_500 }))
        .await;
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_09_send_two_parts_cmms() {
    let mut stage = Stage::set(9, "generic");
    stage.before("ATE0\r").await;
    stage
        .fault(json!({ "kind": "next_reference", "value": 33 }))
        .await;
    stage.play(5).await;
    let received = stage.sim.handset("+447700900123").await;
    assert_eq!((received.len(), received[0].parts), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn transcript_10_cmms_rejected_huawei_e1752() {
    let mut stage = Stage::set(10, "huawei-e-series");
    stage.before("ATE0\rAT+CMEE=1;^CURC=0\rATE1\r").await;
    // This capture shows no empty line behind its results.
    stage
        .fault(json!({ "kind": "line_ends", "style": "standard" }))
        .await;
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_11_huawei_init_urc_noise() {
    let mut stage = Stage::set(11, "huawei-e-series");
    stage
        .fault(json!({ "kind": "line_ends", "style": "standard" }))
        .await;
    stage.fault(json!({ "kind": "boot" })).await;
    let boot = stage.hear(Duration::from_millis(950)).await;
    assert!(
        boot.starts_with("\r\n^BOOT:27710117,0,0,0,75\r\n"),
        "{boot:?}"
    );
    stage.skip(1);
    stage
        .fault(json!({ "kind": "urc", "text": "^RSSI:18" }))
        .await;
    stage.play(1).await;
    stage
        .fault(json!({ "kind": "urc", "text": "^HCSQ:\"WCDMA\",39,29,45" }))
        .await;
    stage.play(4).await;
    // What follows the last answer by itself is said by order here.
    for urc in [
        "^DSFLOWRPT:00000124,00000082,00000EA6,0000000000012325,000000000022771D,0000BB80,0001F400",
        "^MODE:3,3",
        "^SRVST:2",
    ] {
        stage.fault(json!({ "kind": "urc", "text": urc })).await;
    }
    let turn = stage.turns.next().unwrap();
    let (urcs, rest): (Vec<_>, Vec<_>) = turn
        .modem
        .iter()
        .map(|said| text(&said.octets))
        .partition(|said| said.contains('^'));
    assert_eq!(stage.hear(Duration::from_secs(1)).await, urcs.concat());
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    assert_eq!(stage.hear(Duration::from_secs(1)).await, rest.concat());
}

#[tokio::test(start_paused = true)]
async fn transcript_12_huawei_e3372_urc_inside_csq() {
    let mut stage = Stage::set(12, "huawei-e3372");
    stage.before("ATE0\r").await;
    stage.fault(json!({ "kind": "signal", "rssi": 28 })).await;
    stage.play(1).await;
    stage.fault(json!({ "kind": "signal", "rssi": 26 })).await;
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_13_huawei_brovi_e3372_325_cpms() {
    Stage::set(13, "huawei-e3372").play(4).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_14_huawei_ussd_packed_hex() {
    let mut stage = Stage::set(14, "huawei-e3372");
    stage.before("ATE0\r").await;
    // The captured text, read by hand: septets from the lowest bit on.
    let turn = stage.turns.as_slice()[0].clone();
    let recorded = text(&turn.modem[1].octets);
    let digits = recorded.split('"').nth(1).unwrap();
    let mut bits = Vec::new();
    for at in (0..digits.len()).step_by(2) {
        let octet = u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        bits.extend((0..8).map(|bit| octet >> bit & 1));
    }
    let septets = bits.chunks_exact(7);
    let said: String = septets
        .map(|bits| char::from(bits.iter().rev().fold(0, |septet, bit| septet << 1 | bit)))
        .collect();
    // What stands at these places of ASCII, and the CR that fills the last octet.
    let said = said
        .trim_end_matches('\r')
        .replace('~', "ü")
        .replace('{', "ä");
    assert!(said.starts_with("Ihr Guthaben für die Nr."), "{said:?}");
    stage
        .fault(json!({ "kind": "ussd", "form": "packed", "text": said }))
        .await;
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_15_ussd_ucs2_and_plain_and_garbage() {
    let mut stage = Stage::set(15, "generic");
    stage.patience = Duration::from_secs(2);
    stage.before("ATE0\rAT+CMEE=1\r").await;
    let recorded = text(&stage.turns.as_slice()[0].modem[1].octets);
    let digits = recorded.split('"').nth(1).unwrap();
    let units: Vec<u16> = (0..digits.len())
        .step_by(4)
        .map(|at| u16::from_str_radix(&digits[at..at + 4], 16).unwrap())
        .collect();
    let said = String::from_utf16(&units).unwrap();
    assert!(said.starts_with("Для "), "{said:?}");
    stage
        .fault(json!({ "kind": "ussd", "form": "ucs2", "text": said }))
        .await;
    stage.play(1).await;
    let menu = "Kontostand: 3.00 EUR Bitte w{hlen Sie: 1 Konto aufladen 2 CallNow Transfer";
    stage
        .fault(json!({ "kind": "ussd", "form": "bare", "text": menu }))
        .await;
    // The recorded menu leaves its session open and names no scheme; here it is one or the other.
    stage
        .play_as(1, |recorded| recorded.replace("+CUSD: 1,", "+CUSD: 0,"))
        .await;
    stage.play(1).await;
    stage
        .fault(json!({ "kind": "ussd", "form": "late_error" }))
        .await;
    stage.play(1).await;
    stage
        .fault(json!({ "kind": "ussd", "form": "timed_out" }))
        .await;
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_16_huawei_e1752_ussdmode() {
    let mut stage = Stage::set(16, "huawei-e-series");
    stage.before("ATE0\rAT^CURC=0\r").await;
    stage
        .fault(json!({ "kind": "line_ends", "style": "standard" }))
        .await;
    stage.play(3).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_17_qualcomm_zte_pin_first_and_sim_busy() {
    let mut stage = Stage::set(17, "zte");
    stage.before("AT+CPMS?\r").await;
    stage
        .fault(json!({ "kind": "sim_lock", "pin": "1234" }))
        .await;
    stage.play(4).await;
    // This SIM is busy behind its PIN as well; the captured one was not.
    tokio::time::sleep(Duration::from_secs(10)).await;
    stage.play(2).await;
    // The ZTE of gammu's issue answers with the range; the captured modem with its level.
    stage
        .play_as(1, |recorded| {
            recorded.replace("+CFUN: 0", "+CFUN: (0-1,4-7),(0-1)")
        })
        .await;
    stage.play(4).await;
    let centre = |recorded: String| recorded.replace("+447700900000", "+8613800100500");
    stage.play_as(1, centre).await;
    stage.play(3).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_18_zte_urc_flood_and_cds_comma() {
    let mut stage = Stage::set(18, "zte");
    let flood = stage.turns.next().unwrap();
    let flood: String = flood.modem.iter().map(|said| text(&said.octets)).collect();
    let mut heard = String::new();
    while heard.len() < flood.len() {
        let mut octets = [0; 64];
        let count = stage.port.read(&mut octets).await.unwrap();
        heard.push_str(&text(&octets[..count]));
    }
    assert_eq!(heard, flood);
    // One text is stored in the transcript.
    let hi = MobileText::new("+447700900123", "hi");
    stage.sim.deliver(0, vec![hi]).await.unwrap();
    stage.play(1).await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    // Echo is off since the line before.
    assert_eq!(
        said,
        text(&[&turn.modem[0].octets[..], &turn.modem[1].octets[..]].concat())
    );
    stage.before("AT+CNMI=1,1,0,1,0\r").await;
    stage
        .fault(json!({ "kind": "report_stray", "reference": 5 }))
        .await;
    let report = stage.hear(Duration::from_secs(1)).await;
    assert!(report.starts_with("\r\n+CDS: ,26\r\n"), "{report:?}");
    assert!(text(&turn.modem[2].octets).starts_with("\r\n+CDS: ,25\r\n"));
}

#[tokio::test(start_paused = true)]
async fn transcript_19_wavecom_cpin_without_ok() {
    let mut stage = Stage::set(19, "wavecom");
    stage.before("ATE0\rAT+CMEE=1\r").await;
    stage.play(1).await;
    // Our host waits two seconds for more words; the captured one asked at once and again a second later.
    let refused = stage.turns.next().unwrap();
    stage
        .port
        .write_all(b"AT+CFUN=1\rAT+CPIN?\r")
        .await
        .unwrap();
    let said = stage.hear(Duration::from_millis(100)).await;
    assert_eq!(
        said,
        format!("\r\nOK\r\n{}", text(&refused.modem[0].octets))
    );
    stage.play(1).await;
    stage.before("AT+CMEE=0\r").await;
    stage.play(3).await;
    for _ in 0..14 {
        let hi = MobileText::new("+447700900123", "hi");
        stage.sim.deliver(0, vec![hi]).await.unwrap();
    }
    stage.play(1).await;
    stage
        .play_as(1, |recorded| {
            recorded.replace("5,\"25FF\",\"825E\"", "1,\"18D8\",\"0B88E350\",0")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn transcript_20_simcom_sim800_boot_undervoltage() {
    let mut stage = Stage::set(20, "simcom-sim800");
    stage.patience = Duration::from_secs(2);
    stage.before("ATE0\r").await;
    stage.fault(json!({ "kind": "echo", "on": false })).await;
    stage.fault(json!({ "kind": "boot" })).await;
    let boot = stage.turns.next().unwrap();
    let expected: String = boot.modem.iter().map(|said| text(&said.octets)).collect();
    assert_eq!(stage.hear(Duration::from_millis(1500)).await, expected);
    // Call Ready comes when texts are; until then they are errors.
    let early = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&early.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(5)).await;
    let expected: String = early.modem.iter().map(|said| text(&said.octets)).collect();
    assert_eq!(said, expected);
    stage.play(4).await;
    stage
        .fault(json!({ "kind": "undervoltage", "for_ms": 3000 }))
        .await;
    stage.play(1).await;
    stage
        .play_as(1, |recorded| {
            recorded + "\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nCall Ready\r\n\r\nSMS Ready\r\n"
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn transcript_21_simcom_sim7670g_bare_prompt() {
    let mut stage = Stage::set(21, "generic");
    stage.fault(json!({ "kind": "bare_prompt" })).await;
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_22_simcom_a7670_boot_and_sim_failure() {
    let mut stage = Stage::set(22, "simcom-sim7600");
    stage
        .fault(json!({ "kind": "boot", "lines": ["*ATREADY: 1"] }))
        .await;
    stage
        .fault(json!({ "kind": "sim_failure", "for_ms": 2500 }))
        .await;
    stage.play(2).await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(3)).await;
    let failure: String = turn.modem[..2]
        .iter()
        .map(|said| text(&said.octets))
        .collect();
    assert_eq!(said, failure);
    stage
        .fault(json!({ "kind": "registration", "state": 0 }))
        .await;
    stage.play(1).await;
}

/// The captured host is in text mode, which the simulator does not have: the same in PDU mode.
#[tokio::test(start_paused = true)]
async fn transcript_23_simcom_sim7600_lte_sms_fails_3g_works() {
    let mut stage = Stage::set(23, "simcom-sim7600");
    stage.before("ATE0\r").await;
    stage.fault(json!({ "kind": "lte_refuses" })).await;
    stage
        .play_as(1, |recorded| {
            recorded.replace("208-15,0x19C9", "460-00,0x18D8")
        })
        .await;
    let pdu = b"0001000C91447700091032000005E8329BFD06\x1a";
    for fails in [true, false] {
        stage.port.write_all(b"AT+CMGS=18\r").await.unwrap();
        let prompt = stage.turns.next().unwrap();
        let said = stage.hear(Duration::from_millis(100)).await;
        assert_eq!(said, text(&prompt.modem[0].octets));
        stage
            .fault(json!({ "kind": "next_reference", "value": 186 }))
            .await;
        stage.port.write_all(pdu).await.unwrap();
        let answer = stage.turns.next().unwrap();
        let said = stage.hear(Duration::from_secs(2)).await;
        assert_eq!(said, text(&answer.modem[0].octets));
        if fails {
            stage.play(1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn transcript_24_simcom_sim7600_cdsi_sr_321() {
    let mut stage = Stage::set(24, "simcom-sim7600");
    stage.before("ATE0\rAT+CMEE=1;+CNMI=1,1,0,2,0\r").await;
    stage.skip(1);
    for _ in 0..3 {
        let hi = MobileText::new("+447700900123", "hi");
        stage.sim.deliver(0, vec![hi]).await.unwrap();
    }
    stage
        .fault(json!({ "kind": "report_stray", "reference": 40 }))
        .await;
    let told = stage.hear(Duration::from_secs(1)).await;
    assert!(told.ends_with("\r\n+CDSI: \"SR\",0\r\n"), "{told:?}");
    stage.play(2).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_25_quectel_ec25_cdsi_wrong_store() {
    let mut stage = Stage::set(25, "quectel-ec25");
    stage.before("ATE0\r").await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&turn.modem[0].octets)
    );
    stage
        .fault(json!({ "kind": "report_stray", "reference": 78 }))
        .await;
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&turn.modem[1].octets)
    );
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_26_quectel_ec25_direct_cmt_cds_cnma() {
    let mut stage = Stage::set(26, "quectel-ec25");
    stage.before("ATE0\r").await;
    stage.play(1).await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&turn.modem[0].octets)
    );
    let hi = MobileText::new("+447700900123", "hi");
    stage.sim.deliver(0, vec![hi]).await.unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    assert!(said.starts_with("\r\n+CMT: ,21\r\n"), "{said:?}");
    assert!(said.ends_with("02E834\r\n"), "{said:?}");
    stage.play(1).await;
    let second = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&second.host.unwrap().octets)
        .await
        .unwrap();
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&second.modem[0].octets)
    );
    stage
        .fault(json!({ "kind": "report_stray", "reference": 78 }))
        .await;
    let said = stage.hear(Duration::from_secs(1)).await;
    assert!(
        said.starts_with("\r\n+CDS: 26\r\n0891683108100005F0064E"),
        "{said:?}"
    );
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_28_receive_cmti_cmgr_cmgd() {
    let mut stage = Stage::set(28, "generic");
    stage.before("ATE0\rAT+CMEE=1;+CNMI=2,1,0,1,0\r").await;
    stage.skip(1);
    for n in 1..=7 {
        let hi = MobileText::new("+447700900123", "hi");
        stage.sim.deliver(0, vec![hi]).await.unwrap();
        let told = stage.hear(Duration::from_millis(10)).await;
        assert_eq!(told, format!("\r\n+CMTI: \"SM\",{n}\r\n"));
    }
    stage
        .play_as(1, |recorded| {
            recorded.replace("7,20,7,20,7,20", "7,50,7,50,7,50")
        })
        .await;
    let read = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&read.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    assert!(
        said.starts_with("\r\n+CMGR: 0,,21\r\n0891683108100005F0040C9144770009103200"),
        "{said}"
    );
    assert!(said.ends_with("02E834\r\n\r\nOK\r\n"), "{said}");
    stage.play(1).await;
    for answer in ["nothing", "refused", "zeros"] {
        stage
            .fault(json!({ "kind": "empty_slot", "answer": answer }))
            .await;
        stage.play(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn transcript_29_receive_cmti_storage_mismatch() {
    let mut stage = Stage::set(29, "quectel-ec25");
    stage.before("ATE0\rAT+CNMI=2,1,0,1,0\r").await;
    let hi = MobileText::new("+447700900123", "hi");
    stage.sim.deliver(0, vec![hi]).await.unwrap();
    stage.play(1).await;
    let slots = |recorded: String| recorded.replace(",30", ",50").replace(",23", ",255");
    // mem2 and mem3 stay where they were; the transcript leaves that open.
    stage
        .play_as(1, |_| "\r\n+CPMS: 0,50,1,255,1,255\r\n\r\nOK\r\n".into())
        .await;
    stage.play(1).await;
    stage.play_as(1, slots).await;
    let read = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&read.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    assert!(said.starts_with("\r\n+CMGR: 0,,21\r\n"), "{said}");
    for (store, index) in [(Some("SM"), -1)] {
        stage
            .fault(json!({ "kind": "announcement", "store": store, "index": index }))
            .await;
        let hi = MobileText::new("+447700900123", "hi");
        stage.sim.deliver(0, vec![hi]).await.unwrap();
    }
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&read.modem[1].octets)
    );
}

/// A PDU line with what is the network's own here taken from what was said.
fn with_pdus_of(recorded: &str, said: &str) -> String {
    let is_pdu = |line: &&str| line.starts_with("0791") || line.starts_with("0891");
    let mut pdus = said.split("\r\n").filter(is_pdu);
    let lines = recorded.split("\r\n").map(|line| match is_pdu(&line) {
        true => pdus.next().unwrap_or_default(),
        false => line,
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

#[tokio::test(start_paused = true)]
async fn transcript_30_cmgl_with_urc_in_the_middle() {
    let mut stage = Stage::set(30, "huawei-e3372");
    stage.before("ATE0\rAT^CURC=0\r").await;
    let texts = ["hi", "two"].map(|text| MobileText::new("+447700900123", text));
    stage.sim.deliver(0, texts.to_vec()).await.unwrap();
    stage.port.write_all(b"AT+CMGR=0\r").await.unwrap();
    stage.hear(Duration::from_secs(1)).await;
    let urcs = ["+CMTI: \"SM\",2", "^RSSI:18"];
    stage
        .fault(json!({ "kind": "urc_inside_list", "texts": urcs }))
        .await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    let recorded: String = turn.modem.iter().map(|said| text(&said.octets)).collect();
    assert_eq!(said, with_pdus_of(&recorded, &said));
    assert!(said.contains("02E834\r\n\r\n+CMTI"), "{said}");
    stage.skip(1);
    stage.before("AT+CMGD=0,4\r").await;
    stage.play(1).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_31_receive_parts_out_of_order() {
    let mut stage = Stage::set(31, "quectel-ec25");
    stage
        .before("ATE0\rAT+CPMS=\"ME\",\"ME\",\"ME\"\rAT+CNMI=2,1,0,1,0\r")
        .await;
    // Slot 0 is taken, so that the parts lie in 1 to 3 as they were captured.
    let before = MobileText::new("+447700900123", "before");
    let parts = MobileText {
        reference: Some(0x98),
        order: modem_sim::Order::Given(vec![2, 3, 1]),
        ..MobileText::new(
            "+447700900123",
            &format!("{}{}C", "A".repeat(153), "B".repeat(153)),
        )
    };
    stage.sim.deliver(0, vec![before]).await.unwrap();
    stage.hear(Duration::from_secs(1)).await;
    stage.before("AT+CMGL=4\r").await;
    stage.sim.deliver(0, vec![parts]).await.unwrap();
    let told = stage.turns.next().unwrap();
    let announced: String = told.modem.iter().map(|said| text(&said.octets)).collect();
    assert_eq!(stage.hear(Duration::from_secs(1)).await, announced);
    let turn = stage.turns.next().unwrap();
    // The unread ones only: the slot before is read.
    stage.port.write_all(b"AT+CMGL=0\r").await.unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    let recorded = text(&turn.modem[0].octets);
    assert_eq!(said, with_pdus_of(&recorded, &said));
    let headers: Vec<&str> = said
        .split("050003")
        .skip(1)
        .map(|behind| &behind[..6])
        .collect();
    assert_eq!(headers, ["980302", "980303", "980301"]);
    let user_data = |all: &str| -> Vec<String> {
        let parts = all.split("050003").skip(1);
        parts
            .map(|part| part.split("\r\n").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(user_data(&said), user_data(&recorded));
}

#[tokio::test(start_paused = true)]
async fn transcript_32_class0_flash_direct_even_with_mt1() {
    let mut stage = Stage::set(32, "quectel-ec25");
    stage.before("ATE0\r").await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        text(&turn.modem[0].octets)
    );
    let flash = MobileText {
        class: Some(0),
        ..MobileText::new("+447700900123", "flash")
    };
    stage.sim.deliver(0, vec![flash]).await.unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    // Class 0 and the five septets; service centre and time are the network's here.
    assert!(
        said.starts_with("\r\n+CMT: ,24\r\n0891683108100005F0040C91447700091032"),
        "{said}"
    );
    assert_eq!(&said[13 + 36..][..4], "0010", "{said}");
    assert!(said.ends_with("056676788E06\r\n"), "{said}");
    assert!(text(&turn.modem[1].octets).ends_with("056676788E06\r\n"));
}

#[tokio::test(start_paused = true)]
async fn transcript_33_storage_full() {
    let mut stage = Stage::set(33, "huawei-e-series");
    stage.before("ATE0\rAT^CURC=0\rAT+CNMI=1,1,0,1,0\r").await;
    stage
        .fault(json!({ "kind": "line_ends", "style": "standard" }))
        .await;
    let hi = MobileText::new("+447700900123", "hi");
    stage.sim.deliver(0, vec![hi; 21]).await.unwrap();
    let full = stage.turns.next().unwrap();
    let told = stage.hear(Duration::from_secs(1)).await;
    assert!(told.ends_with(&text(&full.modem[0].octets)), "{told:?}");
    stage.play(1).await;
    // All twenty are read; what waited comes as soon as there is room.
    stage.before("AT+CMGL=4\r").await;
    let delete = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&delete.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    assert_eq!(said, "\r\nOK\r\n\r\n+CMTI: \"SM\",0\r\n");
    let empty = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&empty.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(1)).await;
    assert_eq!(
        said,
        "\r\n+CPMS: \"SM\",1,20,\"SM\",1,20,\"SM\",1,20\r\n\r\nOK\r\n"
    );
}

#[tokio::test(start_paused = true)]
async fn transcript_34_creg_variants() {
    let mut stage = Stage::set(34, "generic");
    stage.before("ATE0\r").await;
    let turn = stage.turns.next().unwrap();
    let recorded: Vec<String> = turn.modem.iter().map(|said| text(&said.octets)).collect();
    let asked = turn.host.unwrap().octets;
    for (level, form, state, at) in [
        (0, "standard", 1, 0),
        (2, "zero_padded", 1, 6),
        (2, "empty_state", 0, 7),
        (2, "empty_area", 1, 8),
        (2, "unbalanced_quotes", 1, 9),
        (2, "bare_ok", 1, 10),
    ] {
        stage
            .fault(json!({ "kind": "registration", "state": state }))
            .await;
        stage
            .fault(json!({ "kind": "registration_form", "form": form }))
            .await;
        stage.before(&format!("AT+CREG={level}\r")).await;
        stage.port.write_all(&asked).await.unwrap();
        assert_eq!(
            stage.hear(Duration::from_secs(1)).await,
            recorded[at],
            "{form}"
        );
    }
    stage.before("AT+CREG=1\r").await;
    stage
        .fault(json!({ "kind": "registration", "state": 3 }))
        .await;
    assert_eq!(stage.hear(Duration::from_secs(1)).await, recorded[11]);
}

#[tokio::test(start_paused = true)]
async fn transcript_35_cpin_variants() {
    let mut stage = Stage::set(35, "huawei-e3372");
    stage.before("ATE0\rAT+CMEE=1;^CURC=0\r").await;
    let turn = stage.turns.next().unwrap();
    let recorded: Vec<String> = turn.modem.iter().map(|said| text(&said.octets)).collect();
    let asked = turn.host.unwrap().octets;
    stage.port.write_all(&asked).await.unwrap();
    assert_eq!(stage.hear(Duration::from_secs(1)).await, recorded[0]);
    stage.fault(json!({ "kind": "sim_absent" })).await;
    assert_eq!(
        stage.hear(Duration::from_secs(1)).await,
        "\r\n^SIMST:255\r\n"
    );
    stage.port.write_all(&asked).await.unwrap();
    assert_eq!(stage.hear(Duration::from_secs(1)).await, recorded[5]);
    stage
        .fault(json!({ "kind": "sim_absent", "on": false }))
        .await;
    stage.hear(Duration::from_secs(1)).await;
    stage
        .fault(json!({ "kind": "sim_lock", "pin": "1234" }))
        .await;
    stage.play(1).await;
    stage
        .play_as(1, |recorded| {
            recorded.replace("SIM PIN,3,10,3,10,3", "SIM PIN,2,10,2,10,3")
        })
        .await;
    for (personality, skipped, changed) in [
        (
            "generic",
            3,
            (
                "+CPINR: SIM PIN,3,3\r\n",
                "+CPINR: SIM PIN,3,3\r\n+CPINR: SIM PUK,10,10\r\n",
            ),
        ),
        ("simcom-sim800", 4, ("", "")),
        ("quectel-ec25", 5, ("", "")),
        ("zte", 6, ("", "")),
    ] {
        let mut stage = Stage::set(35, personality);
        stage.before("ATE0\rAT+CPMS?\r").await;
        stage.skip(skipped);
        // SIMCom and ZTE write PIN, PUK, PIN2, PUK2.
        stage
            .play_as(1, |recorded| match changed {
                ("", "") => recorded,
                (from, to) => recorded.replace(from, to),
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn transcript_36_usb_reenumeration() {
    let mut stage = Stage::set(36, "huawei-e3372");
    let turn = stage.turns.next().unwrap();
    stage
        .fault(json!({ "kind": "reenumeration", "for_ms": 9000 }))
        .await;
    assert_eq!(
        stage.port.read(&mut [0; 1]).await.unwrap(),
        0,
        "the line ends"
    );
    let gone = tokio::time::Instant::now();
    stage.port = stage.sim.next_port(0).await.unwrap();
    assert_eq!(gone.elapsed(), turn.modem[0].after);
    let boot = stage.hear(Duration::from_millis(600)).await;
    assert!(boot.starts_with(&text(&turn.modem[0].octets)), "{boot:?}");
}

#[tokio::test(start_paused = true)]
async fn transcript_38_nokia_s60_cannot_read() {
    let mut stage = Stage::set(38, "generic");
    stage.before("ATE0\r").await;
    stage.fault(json!({ "kind": "cpms_empty" })).await;
    stage
        .fault(json!({ "kind": "cnmi_refuses", "ds": [2] }))
        .await;
    stage.play(3).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_39_mr_wrap_and_status_report_before_ok() {
    let mut stage = Stage::set(39, "generic");
    stage.before("ATE0\rAT+CNMI=2,1,0,1,0\r").await;
    stage
        .fault(json!({ "kind": "next_reference", "value": 255 }))
        .await;
    stage
        .fault(json!({ "kind": "no_reports", "times": 1 }))
        .await;
    stage.play(3).await;
    stage.fault(json!({ "kind": "report_first" })).await;
    let turn = stage.turns.next().unwrap();
    stage
        .port
        .write_all(&turn.host.unwrap().octets)
        .await
        .unwrap();
    let said = stage.hear(Duration::from_secs(3)).await;
    assert!(
        said.starts_with("\r\n+CDS: 25\r\n0891683108100005F006000C91447700091032"),
        "{said}"
    );
    assert!(said.ends_with(&text(&turn.modem[1].octets)), "{said}");
}

#[tokio::test(start_paused = true)]
async fn transcript_40_operator_reject_and_sim_block() {
    let mut stage = Stage::set(40, "generic");
    stage.before("ATE0\rAT+CMEE=1;+CREG=1\r").await;
    stage
        .fault(json!({ "kind": "sim_cap", "after": 0, "code": 50, "denied_after": 1 }))
        .await;
    stage.play(3).await;
}

#[tokio::test(start_paused = true)]
async fn transcript_41_cmee_text_errors() {
    let mut stage = Stage::set(41, "simcom-sim7600");
    stage.before("ATE0\r").await;
    stage.play(1).await;
    stage.fault(json!({ "kind": "sim_absent" })).await;
    stage.hear(Duration::from_secs(1)).await;
    stage.play(1).await;
    let mut stage = Stage::set(41, "huawei-e3372");
    stage.before("ATE0\rAT^CURC=0\r").await;
    stage.skip(2);
    stage.play(2).await;
    stage
        .fault(json!({ "kind": "unknown_command", "text": "NA" }))
        .await;
    stage.play(1).await;
}
