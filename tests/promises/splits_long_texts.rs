//! Long texts go in parts, in order, on one modem, and arrive whole.

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

#[tokio::test]
async fn three_parts_of_chinese_and_emoji_arrive_whole() {
    let house = House::with(2).await;
    let text = "设备报警：温度过高🔥请立即检查。".repeat(10) + "完";
    let id = house.send(TO, &text).await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["parts"], 3);
    assert_eq!(message["encoding"], "ucs2");
    let texts = house.handset(TO).await;
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(texts[0].text, text);
    assert_eq!(texts[0].parts, 3);
}

#[tokio::test]
async fn the_parts_of_a_text_are_consecutive_on_one_modem_with_one_reference() {
    let house = House::with(2).await;
    let long = "€[{x}] ".repeat(60);
    let first = house.send(TO, &long).await;
    let second = house.send(TO, &long.replace('x', "y")).await;
    house.becomes(&first, "delivered").await;
    house.becomes(&second, "delivered").await;
    let ledger = house.ledger().await;
    let mut references = Vec::new();
    for modem in 0..2 {
        let parts: Vec<_> = ledger
            .iter()
            .filter(|entry| entry["modem"] == modem)
            .map(|entry| {
                (
                    entry["concat"]["ref"].as_u64(),
                    entry["concat"]["part"].as_u64(),
                )
            })
            .collect();
        let numbers: Vec<_> = parts.iter().map(|(_, part)| part.unwrap()).collect();
        for run in numbers.chunk_by(|a, b| b > a) {
            let expected: Vec<u64> = (1..=run.len() as u64).collect();
            assert_eq!(run, expected);
        }
        references.extend(parts.iter().map(|(reference, _)| reference.unwrap()));
    }
    references.sort_unstable();
    references.dedup();
    assert_eq!(references.len(), 2, "each text has a reference of its own");
    assert_eq!(house.handset(TO).await.len(), 2);
}

#[tokio::test]
async fn a_refused_part_is_sent_again_alone_with_the_same_reference() {
    let house = House::with(1).await;
    let refusal = modem_sim::Fault::Refuse {
        sends: vec![(2, 42)],
    };
    house.fault(0, refusal).await;
    let text = "abc ".repeat(100);
    let id = house.send(TO, &text).await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["parts"], 3);
    assert_eq!(house.handset(TO).await[0].text, text);
    let ledger = house.ledger().await;
    let parts: Vec<_> = ledger
        .iter()
        .map(|entry| entry["concat"]["part"].as_u64().unwrap())
        .collect();
    assert_eq!(parts, [1, 2, 3], "no part left twice");
}

#[tokio::test]
async fn wide_references_are_used_where_every_modem_makes_them() {
    let house = House::with_modems(1, fast(), "", "ref16 = true\n").await;
    // 306 septets: two parts with 8-bit references, three with 16-bit ones.
    let text = "x".repeat(306);
    let id = house.send(TO, &text).await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["parts"], 3);
    assert_eq!(house.handset(TO).await[0].text, text);
    for entry in house.ledger().await {
        assert_eq!(entry["concat"]["bits"], 16);
    }
}
