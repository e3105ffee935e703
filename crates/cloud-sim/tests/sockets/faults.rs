//! Faults of connections, sends and queries: by order, by magic number, and through the control door.

use std::time::{Duration, Instant};

use cloud_sim::{Fault, MAGIC, Order, Provider, Sim};
use serde_json::{Value, json};

use crate::house::{acs, ask, calls, look, send_sms, start, text};

/// Status and body of a text by Twilio, and how many texts were taken then; none: the connection was closed or stayed
/// silent.
fn sent(sim: &Sim, to: &str) -> (Option<(u16, String)>, usize) {
    let answer = text(sim, to, "x", "");
    (
        answer.map(|answer| (answer.status(), answer.body.clone())),
        sim.texts().len(),
    )
}

#[test]
fn an_answer_may_fail_whether_the_text_was_taken_or_not() {
    for taken in [false, true] {
        let sim = start();
        let count = |n: usize| if taken { n } else { 0 };
        let faulty = |fault: Fault| {
            sim.order(Order::once(fault));
            sent(&sim, "+15017122661")
        };
        let (answer, texts) = faulty(Fault::ServerError { status: 500, taken });
        assert_eq!((answer.unwrap().0, texts), (500, count(1)));
        let (answer, texts) = faulty(Fault::BadGateway { taken });
        let (status, page) = answer.unwrap();
        assert!(page.starts_with("<html>"));
        assert_eq!((status, texts), (502, count(2)));
        assert_eq!(
            faulty(Fault::Empty { taken }),
            (Some((201, String::new())), count(3))
        );
        let (answer, texts) = faulty(Fault::Garbled { taken });
        let (status, half) = answer.unwrap();
        assert!(serde_json::from_str::<Value>(&half).is_err());
        assert_eq!((status, texts), (201, count(4)));
        assert_eq!(faulty(Fault::Close { taken }), (None, count(5)));
        assert_eq!(faulty(Fault::Hang { taken }), (None, count(6)));
        // And nothing is left of all that.
        assert_eq!(sent(&sim, "+15017122661").0.unwrap().0, 201);
    }
}

#[test]
fn a_connection_may_be_refused_or_closed_before_its_request_is_read() {
    let sim = start();
    sim.order(Order::once(Fault::CloseUnread).by(Provider::Twilio));
    assert_eq!(send_sms(&sim, "13800138000", "").status(), 200);
    assert_eq!(sent(&sim, "+15017122661"), (None, 1));
    sim.order(Order::always(Fault::RefuseConnections));
    for _ in 0..2 {
        assert_eq!(sent(&sim, "+15017122661"), (None, 1));
    }
    sim.clear();
    assert_eq!(sent(&sim, "+15017122661").1, 2);
}

#[test]
fn a_slow_answer_comes_late_and_is_whole() {
    let sim = start();
    sim.order(Order::once(Fault::Slow { ms: 150 }));
    let begun = Instant::now();
    assert_eq!(sent(&sim, "+15017122661").0.unwrap().0, 201);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_query_may_find_nothing_or_fail() {
    let sim = start();
    let sid = text(&sim, "+15017122661", "x", "").unwrap().json()["sid"].clone();
    let one = format!("Messages/{}.json", sid.as_str().unwrap());
    let list = "Messages.json?To=%2B15017122661";
    let count = |page: &Value| page["messages"].as_array().unwrap().len();
    assert_eq!(count(&look(&sim, list).json()), 1);

    sim.order(Order::always(Fault::QueryFindsNothing));
    assert_eq!(count(&look(&sim, list).json()), 0);
    assert_eq!(look(&sim, &one).status(), 404);
    sim.clear();
    sim.order(Order::always(Fault::QueryUnavailable { status: 503 }));
    assert_eq!(look(&sim, list).status(), 503);
    assert_eq!(look(&sim, &one).status(), 503);
    let fields = [
        ("PhoneNumber", "13800138000"),
        ("SendDate", "20260102"),
        ("PageSize", "10"),
        ("CurrentPage", "1"),
    ];
    let answer = acs(&sim, "QuerySendDetails", &fields);
    assert_eq!(
        (answer.status(), &answer.json()["Code"]),
        (503, &json!("ServiceUnavailable"))
    );
    sim.clear();
    assert_eq!(count(&look(&sim, list).json()), 1);
    assert_eq!(
        calls(&sim, Provider::Twilio)[1..4],
        ["query: found 1", "query: found 0", "query: nothing"]
    );
}

#[test]
fn an_order_counts_as_often_as_it_says_and_for_whom_it_says() {
    let sim = start();
    let fault = Fault::ServerError {
        status: 500,
        taken: false,
    };
    let order = Order {
        times: Some(2),
        ..Order::always(fault).by(Provider::Twilio).to("61")
    };
    sim.order(order);
    let status = |to: &str| sent(&sim, to).0.unwrap().0;
    assert_eq!(status("+15017122662"), 201);
    assert_eq!(send_sms(&sim, "13800138061", "").status(), 200);
    assert_eq!(
        [
            status("+15017122661"),
            status("+15017122661"),
            status("+15017122661")
        ],
        [500, 500, 201]
    );
}

#[test]
fn every_magic_number_does_what_its_row_says() {
    // Digits, status of the answer (0: none) and whether it is taken.
    let rows = [
        ("99001", 400, false),
        ("99002", 400, false),
        ("99003", 400, false),
        ("99004", 429, false),
        ("99005", 400, false),
        ("99006", 400, false),
        ("99007", 400, false),
        ("99008", 429, false),
        ("99009", 429, false),
        ("99011", 500, false),
        ("99012", 502, false),
        ("99013", 201, true),
        ("99014", 201, true),
        ("99015", 500, true),
        ("99016", 0, true),
        ("99017", 0, false),
        ("99018", 0, false),
        ("99019", 0, true),
        // Its answer comes after the patience of this client.
        ("99020", 0, true),
        ("99031", 201, true),
        ("99032", 201, true),
        ("99033", 201, true),
        ("99034", 201, true),
        ("99035", 201, true),
        ("99036", 201, true),
        ("99037", 201, true),
        ("99041", 0, true),
        ("99042", 0, true),
    ];
    let digits: Vec<_> = MAGIC.iter().map(|magic| magic.digits).collect();
    assert_eq!(digits, rows.map(|(digits, ..)| digits));
    for (digits, status, taken) in rows {
        let sim = start();
        let to = format!("+141555{digits}");
        let (answer, texts) = sent(&sim, &to);
        assert_eq!(answer.map_or(0, |(status, _)| status), status, "{digits}");
        assert_eq!(texts, usize::from(taken), "{digits}");
    }
}

#[test]
fn the_manual_has_the_magic_numbers_as_they_are() {
    let manual = include_str!("../../../../docs/SIMULATOR.md");
    let rows: Vec<_> = manual
        .lines()
        .filter(|line| line.starts_with("| 99"))
        .collect();
    let expected: Vec<_> = MAGIC
        .iter()
        .map(|magic| format!("| {} | {} |", magic.digits, magic.meaning))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn magic_numbers_are_found_or_not_by_a_query_as_they_say() {
    let sim = start();
    for digits in ["99016", "99041", "99042"] {
        assert_eq!(sent(&sim, &format!("+141555{digits}")).0, None);
    }
    let list = |digits: &str| look(&sim, &format!("Messages.json?To=%2B141555{digits}"));
    assert_eq!(
        list("99016").json()["messages"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        list("99041").json()["messages"].as_array().unwrap().len(),
        0
    );
    assert_eq!(list("99042").status(), 503);
}

#[test]
fn the_control_door_orders_and_tells() {
    let sim = start();
    let order = |body: Value| ask(&sim, "POST /control", &[], &body.to_string()).unwrap();
    let fault = json!({ "kind": "server_error", "status": 500, "taken": true });
    let answer =
        order(json!({ "order": { "provider": "twilio", "to": "61", "fault": fault, "times": 1 } }));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json()["orders"][0]["times"], 1);
    assert_eq!(sent(&sim, "+15017122661").0.unwrap().0, 500);

    let page = ask(&sim, "GET /control/ledger", &[], "").unwrap().json();
    assert_eq!(
        (&page["taken"], &page["calls_made"], &page["next"]),
        (&json!(1), &json!(1), &json!(2))
    );
    let told = &page["texts"][0];
    assert_eq!(
        (&told["provider"], &told["to"], &told["text"]),
        (&json!("twilio"), &json!("+15017122661"), &json!("x"))
    );
    assert_eq!(page["calls"][0]["came_to"], "taken, server_error");
    let page = ask(&sim, "GET /control/ledger?from=2", &[], "")
        .unwrap()
        .json();
    assert_eq!(page["texts"], json!([]));

    order(
        json!({ "orders": [{ "fault": { "kind": "refuse_connections" }, "times": 1 }, { "fault": { "kind": "sent_is_last" } }] }),
    );
    assert_eq!(sent(&sim, "+15017122661").0, None);
    assert_eq!(
        ask(&sim, "GET /control", &[], "").unwrap().json()["orders"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(order(json!({ "clear": true })).json()["orders"], json!([]));

    for wrong in [
        "",
        "{",
        r#"{"typo":1}"#,
        r#"{"order":{"fault":{"kind":"typo"}}}"#,
    ] {
        let answer = ask(&sim, "POST /control", &[], wrong).unwrap();
        assert_eq!(
            (answer.status(), &answer.json()["ok"]),
            (400, &json!(false)),
            "{wrong}"
        );
    }
    assert_eq!(
        ask(&sim, "GET /control/typo", &[], "").unwrap().status(),
        404
    );
}

#[test]
fn it_listens_on_this_machine_only_and_frees_its_port() {
    let mut settings = crate::house::settings();
    settings.listen = ([0, 0, 0, 0], 0).into();
    let refused = cloud_sim::start(settings).unwrap_err();
    assert!(
        refused.to_string().contains("not a loopback address"),
        "{refused}"
    );

    let sim = start();
    let address = sim.address();
    let mut settings = crate::house::settings();
    settings.listen = address;
    assert!(cloud_sim::start(settings.clone()).is_err());
    sim.stop();
    assert_eq!(cloud_sim::start(settings).unwrap().address(), address);
}
