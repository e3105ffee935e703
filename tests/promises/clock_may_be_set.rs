//! The clock of the host may be set while the gateway runs, forth and back, and from 1970: what waits keeps the time that
//! it has left, what is meant for a time on the wall keeps that.

use std::time::Duration;

use cellpost::domain::UnixMillis;
use http::Method;
use serde_json::{Value, json};

use crate::house::House;

const TO: &str = "+8613800138000";

/// Clocks of a host of one test: `wall` begins where it is told to and may be set.
macro_rules! host {
    ($name:ident, $begins:expr) => {
        mod $name {
            use std::sync::LazyLock;
            use std::sync::atomic::{AtomicI64, Ordering};
            use std::time::{Duration, Instant};

            use cellpost::domain::UnixMillis;

            static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
            static BOOTED_AT: LazyLock<AtomicI64> =
                LazyLock::new(|| AtomicI64::new(UnixMillis::parse_rfc3339($begins).unwrap().0));

            static SLEPT: AtomicI64 = AtomicI64::new(0);

            pub(super) fn since_boot() -> Duration {
                let slept = u64::try_from(SLEPT.load(Ordering::SeqCst)).unwrap();
                STARTED.elapsed() + Duration::from_secs(slept)
            }

            pub(super) fn wall() -> UnixMillis {
                UnixMillis(BOOTED_AT.load(Ordering::SeqCst)).plus(since_boot())
            }

            /// Somebody sets the clock on the wall.
            #[allow(dead_code, reason = "not every host has it set")]
            pub(super) fn set(by: i64) {
                BOOTED_AT.fetch_add(by * 1_000, Ordering::SeqCst);
            }

            /// So many seconds pass, on both clocks: the machine was asleep.
            #[allow(dead_code, reason = "not every host sleeps")]
            pub(super) fn sleeps(seconds: i64) {
                SLEPT.fetch_add(seconds, Ordering::SeqCst);
            }
        }
    };
}
pub(crate) use host;

const HOUR: i64 = 3_600;

fn moment(message: &Value, field: &str) -> UnixMillis {
    UnixMillis::parse_rfc3339(message[field].as_str().unwrap()).unwrap()
}

async fn paused(house: &House) {
    house.modem_becomes("m1", "ready").await;
    house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    house.modem_becomes("m1", "paused").await;
}

async fn resumed(house: &House) {
    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
}

/// Waits until the end of this message's life was moved by so many seconds.
async fn moved(house: &House, before: &Value, by: i64) {
    let expected = moment(before, "expires_at").0 + by * 1_000;
    let id = before["id"].as_str().unwrap();
    house
        .until("the end of its life is moved", async || {
            let message = house.message(id).await;
            (moment(&message, "expires_at").0 == expected).then_some(())
        })
        .await;
}

mod forth {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_clock_that_is_set_forward_expires_nothing_before_its_time() {
        let house = House::with_clocks((host::wall, host::since_boot), "").await;
        paused(&house).await;
        let waits = house
            .send_as(json!({ "to": TO, "text": "waits", "ttl": 600 }))
            .await;
        let tomorrow = "2026-03-02T12:00:00.000Z";
        let scheduled = house
            .send_as(json!({ "to": TO, "text": "later", "ttl": 600, "scheduled_at": tomorrow }))
            .await;
        let before = house.message(&waits).await;
        host::set(HOUR);
        house.clock_was_set();
        moved(&house, &before, HOUR).await;
        assert_eq!(house.message(&waits).await["status"], "queued");
        let later = house.message(&scheduled).await;
        assert_eq!(
            (&later["scheduled_at"], &later["next_attempt_at"]),
            (&json!(tomorrow), &json!(tomorrow))
        );
        resumed(&house).await;
        house.becomes(&waits, "delivered").await;
        // What was meant for a time on the wall comes when the wall shows it.
        host::set(23 * HOUR);
        house.clock_was_set();
        house.becomes(&scheduled, "delivered").await;
    }
}

mod back {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_clock_that_is_set_back_keeps_nothing_longer_than_its_time() {
        let house = House::with_clocks((host::wall, host::since_boot), "").await;
        paused(&house).await;
        let waits = house
            .send_as(json!({ "to": TO, "text": "waits", "ttl": 600 }))
            .await;
        let in_two_hours = "2026-03-01T14:00:00.000Z";
        let scheduled = house
            .send_as(json!({ "to": TO, "text": "later", "ttl": 60, "scheduled_at": in_two_hours }))
            .await;
        let (before, later) = (house.message(&waits).await, house.message(&scheduled).await);
        host::set(-HOUR);
        house.clock_was_set();
        moved(&house, &before, -HOUR).await;
        // Its life counts from its time: it is not over before it has begun.
        let still = house.message(&scheduled).await;
        assert_eq!(still["scheduled_at"], in_two_hours);
        assert_eq!(still["expires_at"], later["expires_at"]);
        resumed(&house).await;
        house.becomes(&waits, "delivered").await;
    }
}

mod from_1970 {
    use super::*;

    host!(host, "1970-01-01T00:00:20Z");

    #[tokio::test]
    async fn a_board_without_a_battery_loses_and_doubles_nothing_when_it_learns_what_time_it_is() {
        let mut house = House::with_clocks((host::wall, host::since_boot), "").await;
        paused(&house).await;
        let asked = json!({ "to": TO, "text": "early", "ttl": 60 });
        let key = [("idempotency-key", "early")];
        let first = house
            .ask_with(Method::POST, "/v1/messages", Some(asked.clone()), &key)
            .await;
        let id = first.body["id"].as_str().unwrap().to_owned();
        let before = house.message(&id).await;
        let now = UnixMillis::parse_rfc3339("2026-03-01T12:00:00Z").unwrap();
        let by = now.0 / 1_000;
        host::set(by);
        house.clock_was_set();
        moved(&house, &before, by).await;
        // The hourly look at what is old comes with the start as well.
        house.stop().await;
        house.start().await;
        let again = house
            .ask_with(Method::POST, "/v1/messages", Some(asked), &key)
            .await;
        assert_eq!(again.body["id"], json!(id), "{}", again.body);
        let message = house.becomes(&id, "delivered").await;
        assert!(moment(&message, "created_at") >= now, "{message}");
        assert_eq!(house.texts(TO).await, ["early"]);
    }
}

mod while_away {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_clock_that_was_set_between_a_stop_and_a_start_is_noticed_at_the_start() {
        let mut house = House::with_clocks((host::wall, host::since_boot), "").await;
        paused(&house).await;
        let waits = house
            .send_as(json!({ "to": TO, "text": "waits", "ttl": 600 }))
            .await;
        let before = house.message(&waits).await;
        house.stop().await;
        host::set(HOUR);
        house.start().await;
        moved(&house, &before, HOUR).await;
        house.becomes(&waits, "delivered").await;
    }
}

mod a_little {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_clock_that_is_set_by_less_than_a_minute_moves_nothing() {
        let house = House::with_clocks((host::wall, host::since_boot), "").await;
        paused(&house).await;
        let waits = house.send_as(json!({ "to": TO, "text": "waits" })).await;
        let before = house.message(&waits).await;
        host::set(50);
        house.clock_was_set();
        // It is told the time nevertheless.
        house
            .until("the gateway's time is the wall's", async || {
                let id = house.send(TO, "what time is it?").await;
                let created_at = moment(&house.message(&id).await, "created_at");
                (host::wall().since(created_at) < Duration::from_secs(30)).then_some(())
            })
            .await;
        assert_eq!(
            house.message(&waits).await["expires_at"],
            before["expires_at"]
        );
    }
}
