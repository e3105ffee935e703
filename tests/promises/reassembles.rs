//! A long text that comes in parts is one text.

use modem_sim::MobileText;
use serde_json::{Value, json};

use crate::house::{House, fast};

const FROM: &str = "+8613800138000";

#[tokio::test]
async fn a_long_text_is_one_text() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let long = "0123456789".repeat(40);
    house.writes(FROM, &long).await;
    let texts = house.inbox_holds(1).await;
    assert_eq!(texts[0]["text"], long);
    assert_eq!(
        (&texts[0]["parts"], &texts[0]["complete"]),
        (&3.into(), &true.into())
    );
}

#[tokio::test]
async fn long_texts_of_several_senders_are_not_mixed() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    for sender in 0..5 {
        let text = sender.to_string().repeat(300);
        house.writes(&format!("+861380013800{sender}"), &text).await;
    }
    let texts = house.inbox_holds(5).await;
    for (sender, text) in texts.iter().enumerate() {
        assert_eq!(text["from"], format!("+861380013800{sender}"));
        assert_eq!(text["text"], sender.to_string().repeat(300));
    }
}

#[tokio::test]
async fn a_long_text_of_which_the_network_holds_parts_back_is_completed() {
    // More parts than a SIM has room for: the later ones come when the first are deleted.
    let house = House::with_network(1, fast(), "").await;
    house.modem_becomes("m1", "ready").await;
    let long: String = (0..60).map(|part| format!("{part:0>67}")).collect();
    let long = long + "好";
    house.writes(FROM, &long).await;
    let texts: Vec<Value> = house.inbox_holds(1).await;
    assert_eq!(texts[0]["text"], long);
    assert_eq!(texts[0]["parts"], 61);
}

#[tokio::test]
async fn parts_in_any_order_and_twice_are_one_text() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let shapes = [
        json!({"order": "reversed"}),
        json!({"order": {"given": [2, 3, 1]}}),
        json!({"order": {"given": [3, 1, 2]}, "duplicated": [1, 3]}),
        json!({"wide": true, "reference": 513, "order": "reversed"}),
    ];
    for (at, shape) in shapes.into_iter().enumerate() {
        let text = format!("{at}").repeat(400);
        let shaped = MobileText {
            from: FROM.into(),
            text: text.clone(),
            ..serde_json::from_value(shape).unwrap()
        };
        house.brings(vec![shaped]).await;
        let texts = house.inbox_holds(at + 1).await;
        assert_eq!(texts[at]["text"], text);
        assert_eq!(texts[at]["complete"], true);
    }
}

#[tokio::test]
async fn two_long_texts_with_one_reference_value_are_told_apart_by_its_width() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let part = |wide: bool, letter: &str, missing: u8| MobileText {
        reference: Some(7),
        wide,
        missing: vec![missing],
        ..MobileText::new(FROM, &letter.repeat(200))
    };
    // Each text's first part, then each text's second.
    house
        .brings(vec![
            part(false, "a", 2),
            part(true, "b", 2),
            part(false, "a", 1),
            part(true, "b", 1),
        ])
        .await;
    let texts = house.inbox_holds(2).await;
    assert_eq!(texts[0]["text"], "a".repeat(200));
    assert_eq!(texts[1]["text"], "b".repeat(200));
}

#[tokio::test]
async fn a_text_that_lacks_a_part_is_shown_incomplete_and_completed_when_it_comes() {
    let house = House::with_network(1, fast(), "[inbound]\npart_timeout = 1\n").await;
    house.modem_becomes("m1", "ready").await;
    let long = format!("{}{}{}", "a".repeat(153), "b".repeat(153), "c".repeat(9));
    let with_missing = |missing: &[u8]| MobileText {
        reference: Some(99),
        missing: missing.to_vec(),
        ..MobileText::new(FROM, &long)
    };
    house.brings(vec![with_missing(&[2])]).await;
    let texts = house.inbox_holds(1).await;
    let gap = format!("{}[…]{}", "a".repeat(153), "c".repeat(9));
    assert_eq!(texts[0]["text"], gap);
    assert_eq!(texts[0]["complete"], false);

    house.brings(vec![with_missing(&[1, 3])]).await;
    let id = texts[0]["id"].clone();
    let completed: Value = house
        .until("the text is complete", async || {
            let texts = house.inbox_holds(1).await;
            (texts[0]["complete"] == true).then(|| texts[0].clone())
        })
        .await;
    assert_eq!(completed["text"], long);
    assert_eq!(completed["id"], id);
}
