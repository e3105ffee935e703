//! How the modem talks: echo, results, line ends, pieces, noise.

use modem_sim::Settings;
use serde_json::json;

use crate::host::Host;

#[tokio::test(start_paused = true)]
async fn every_fault_01_echo_comes_back_after_a_reset_until_ate0() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "echo", "on": false })).await;
    host.play("> AT+CFUN=1,1\n< OK\n> AT\n< OK").await;
    host.fault(json!({ "kind": "echo" })).await;
    host.play(
        r"
        > AT
        << AT\r\r\nOK\r\n
        > ATE0
        << ATE0\r\r\nOK\r\n
        > AT+CFUN=1,1
        < OK
        > AT
        << AT\r\r\nOK\r\n
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_02_results_are_digits_until_atv1() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "numeric_results" })).await;
    host.play(
        r"
        > AT
        << 0\r
        > AT+FOO
        << 4\r
        > ATV1
        < OK
        > AT+CFUN=1,1
        << 0\r
        > ATV1
        << ATV1\r\r\nOK\r\n
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_16_errors_come_in_words_whatever_cmee_says() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "errors_in_words" })).await;
    host.play(
        "
        > AT+CMGR=99
        < +CMS ERROR: invalid memory index
        > AT+CMEE=0
        < OK
        > AT+CPIN=1234
        < +CME ERROR: operation not allowed
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_17_an_unknown_command_is_answered_in_the_maker_s_words() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "unknown_command", "text": "COMMAND NOT SUPPORT" }))
        .await;
    host.play("> AT+WIND?\n< COMMAND NOT SUPPORT\n> AT\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_28_a_line_comes_between_a_command_and_its_answer() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "urc_before_answer", "text": "^RSSI:26" }))
        .await;
    host.play("> AT+CSQ\n< ^RSSI:26\n< +CSQ: 20,99\n< OK\n> AT+CSQ\n< +CSQ: 20,99\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_29_lines_come_inside_a_list_and_a_line_in_two_halves() {
    let mut host = Host::quiet().await;
    for text in ["one", "two"] {
        host.receive(text).await;
    }
    host.play("< +CMTI: \"SM\",1\n< +CMTI: \"SM\",2").await;
    let texts = ["+CMTI: \"SM\",9", "^RSSI:18"];
    host.fault(json!({ "kind": "urc_inside_list", "texts": texts }))
        .await;
    host.play(
        r#"
        > AT+CMGL=4
        <* \r\n+CMGL: 1,0,,22\r\n*\r\n\r\n+CMTI: "SM",9\r\n\r\n^RSSI:18\r\n+CMGL: 2,0,,22\r\n*\r\n\r\nOK\r\n
        > AT+CMGL=0
        < OK
        "#,
    )
    .await;

    host.fault(json!({ "kind": "split_lines", "after_ms": 20 }))
        .await;
    host.play("> AT\n<< \\r\\nO\n~ 20\n<< K\\r\\n").await;
    host.fault(json!({ "kind": "split_lines", "after_ms": 0 }))
        .await;
    host.play("> AT\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_30_output_comes_in_pieces_or_all_at_once() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "fragments", "octets": 2 }))
        .await;
    host.play("> AT\n<< \\r\\n\n~ 1\n<< OK\n~ 1\n<< \\r\\n")
        .await;

    host.fault(json!({ "kind": "random_fragments", "from": 1, "to": 3 }))
        .await;
    host.play_open("> AT+CSQ").await;
    let mut pieces = vec![host.hear().await];
    while !pieces.concat().ends_with("OK\r\n") {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        pieces.push(host.hear().await);
    }
    assert_eq!(pieces.concat(), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    assert!(pieces.iter().all(|piece| piece.len() <= 3), "{pieces:?}");
    assert!(pieces.len() > 6, "{pieces:?}");

    host.fault(json!({ "kind": "coalesce", "ms": 50 })).await;
    host.play("> AT\n> AT\n~ 50\n<< \\r\\nOK\\r\\n\\r\\nOK\\r\\n")
        .await;
    host.fault(json!({ "kind": "coalesce", "ms": 0 })).await;
    host.play("> AT\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_31_octets_are_put_in_dropped_and_damaged() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "garbage", "hex": "FF00" }))
        .await;
    host.play("<< \\xFF\\x00").await;

    let plain = "\r\nOK\r\n";
    host.fault(json!({ "kind": "noise", "insert_per_mille": 1000 }))
        .await;
    host.play_open("> AT").await;
    let heard = host.hear().await;
    let without: String = heard
        .chars()
        .filter(|octet| !matches!(octet, '\0' | '\u{FF}'))
        .collect();
    assert_eq!((heard.len() > plain.len(), without.as_str()), (true, plain));

    host.fault(json!({ "kind": "noise", "drop_per_mille": 1000 }))
        .await;
    host.play("> AT\n~ 100").await;
    host.fault(json!({ "kind": "noise", "flip_per_mille": 1000 }))
        .await;
    host.play_open("> AT").await;
    let heard = host.hear().await;
    assert_eq!(heard.len(), plain.len());
    let bits: u32 = heard
        .bytes()
        .zip(plain.bytes())
        .map(|(one, other)| (one ^ other).count_ones())
        .sum();
    assert_eq!(bits, 6, "one bit of each octet");
}

#[tokio::test(start_paused = true)]
async fn every_fault_32_line_ends_are_doubled_or_followed_by_an_empty_line() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "line_ends", "style": "doubled" }))
        .await;
    host.play("> AT+CSQ\n<< \\r\\r\\n+CSQ: 20,99\\r\\r\\n\\r\\r\\nOK\\r\\r\\n")
        .await;
    host.fault(json!({ "kind": "line_ends", "style": "blank_lines" }))
        .await;
    host.play("> AT\n<< \\r\\nOK\\r\\n\\r\\n").await;
    host.fault(json!({ "kind": "clear" })).await;
    host.play("> AT\n< OK").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_55_a_flood_lasts_until_its_command() {
    let mut host = Host::quiet().await;
    host.fault(json!({
        "kind": "urc_flood", "text": "+ZUSIMR:2", "every_ms": 500, "until": "+CPMS",
    }))
    .await;
    host.play(
        r#"
        ~ 500
        < +ZUSIMR:2
        ~ 500
        < +ZUSIMR:2
        > AT+CPMS?
        < +CPMS: "SM",0,50,"SM",0,50,"SM",0,50
        < OK
        ~ 5000
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_60_a_slow_command_keeps_the_modem_for_itself() {
    let mut host = Host::quiet().await;
    host.fault(json!({
        "kind": "slow_commands", "names": ["+CMGD", "+CMGL"], "ms": 480_000,
    }))
    .await;
    host.play("> AT+CMGL=4\n~ 479999\n> AT\n~ 1\n< OK\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_70_the_answer_to_the_last_command_comes_first() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "answers_held_back" })).await;
    host.play("> AT+CSQ\n~ 5000\n> AT+CMGF?\n< +CSQ: 20,99\n< OK\n< +CMGF: 0\n< OK")
        .await;
}

#[tokio::test(start_paused = true)]
async fn any_line_can_be_put_into_the_modem_s_mouth() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "urc", "text": "+CREG: 3" }))
        .await;
    host.play("< +CREG: 3\n> AT\n< OK").await;
}

/// Whatever is said, in order, with noise and random pieces; and when.
async fn conversation(seed: u64) -> Vec<(u128, String)> {
    let settings = Settings {
        seed,
        ..Settings::default()
    };
    let mut host = Host::of(settings);
    let begun = tokio::time::Instant::now();
    for fault in [
        json!({ "kind": "random_fragments", "from": 1, "to": 9 }),
        json!({ "kind": "noise", "insert_per_mille": 20, "drop_per_mille": 20, "flip_per_mille": 20 }),
        json!({ "kind": "prompt_latency", "from_ms": 5, "to_ms": 1000 }),
        json!({ "kind": "refuse_at_random", "codes": [38, 42, 500], "per_mille": 500 }),
        json!({ "kind": "latency", "radio": "gsm", "tail": true }),
    ] {
        host.fault(fault).await;
    }
    let mut said = Vec::new();
    for _ in 0..20 {
        for words in [
            "AT+CMGS=18\r",
            "0021000C91447700091032000005E8329BFD06\u{1A}",
        ] {
            host.write_raw(words).await;
            for _ in 0..40 {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                let heard = host.hear().await;
                if !heard.is_empty() {
                    said.push((begun.elapsed().as_millis(), heard));
                }
            }
        }
    }
    said
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_and_the_same_host_give_the_same_octets() {
    let first = conversation(7).await;
    assert_eq!(first, conversation(7).await);
    assert_ne!(first, conversation(8).await);
}
