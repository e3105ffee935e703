//! A long text that comes in parts is one text.

use serde_json::Value;

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
