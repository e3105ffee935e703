//! Lists: what they show, and what they read for it.

use super::*;
use crate::store::list::plans;

const HOUR: i64 = 3_600_000;

impl House {
    async fn ids_of(&self, filter: Filter) -> Vec<MessageSeq> {
        let page = self.store.list(filter, 200).await.unwrap();
        page.messages.iter().map(|message| message.seq).collect()
    }
}

#[tokio::test]
async fn no_list_scans_the_messages() {
    let house = House::new();
    house.accepts(|_| {}).await;
    let plans = house.store.readers.ask(|db| Ok(plans(db)?)).await.unwrap();
    assert_eq!(plans.len(), 13);
    for (way, plan) in plans {
        let expected = match way.split('(').next().unwrap() {
            "To" => "SEARCH message USING INDEX message_to (to_number=? AND",
            "ClientRef" => "SEARCH message USING INDEX message_client_ref (client_ref=? AND",
            "EndedBadly" => "SEARCH message USING INDEX message_ended_badly (state=? AND",
            // Of the whole index, which holds what waits and nothing else.
            "Unsent" => "SCAN message USING INDEX message_unsent",
            "Acceptance" => "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
            other => panic!("{other}"),
        };
        assert!(plan[0].starts_with(expected), "{way}: {plan:?}");
        let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        assert_eq!(sorts, way.starts_with("Unsent"), "{way}: {plan:?}");
    }
}

#[tokio::test]
async fn a_time_is_a_range_of_what_was_accepted_also_when_the_clock_went_back() {
    let house = House::new();
    let mut at = Vec::new();
    // Hours 0, 0, 2, then the clock is set back to 1, then on to 3.
    for hour in [0, 0, 2, 1, 3] {
        let time = UnixMillis(NOW.0 + hour * HOUR);
        at.push(house.accepts(|asked| asked.at = time).await.seq);
    }
    let between = async |since: Option<i64>, until: Option<i64>| {
        let moment = |hour: i64| UnixMillis(NOW.0 + hour * HOUR);
        house
            .ids_of(Filter {
                since: since.map(moment),
                until: until.map(moment),
                ..Filter::default()
            })
            .await
    };
    assert_eq!(between(Some(1), None).await, [at[4], at[3], at[2]]);
    assert_eq!(between(Some(2), None).await, [at[4], at[2]]);
    assert_eq!(between(None, Some(2)).await, [at[3], at[1], at[0]]);
    assert_eq!(between(Some(1), Some(2)).await, [at[3]]);
    assert_eq!(between(Some(4), None).await, []);
    assert_eq!(between(None, Some(0)).await, []);
    assert_eq!(between(Some(2), Some(1)).await, []);
}

#[tokio::test]
async fn each_state_is_found_whatever_it_is_found_by() {
    for state in MessageState::ALL {
        let house = House::new();
        let message = house.message_in(state.as_str()).await;
        let filter = Filter {
            state: Some(state),
            ..Filter::default()
        };
        assert_eq!(house.ids_of(filter).await, [message.seq], "{state:?}");
        for other in MessageState::ALL.into_iter().filter(|one| *one != state) {
            let filter = Filter {
                state: Some(other),
                ..Filter::default()
            };
            assert_eq!(house.ids_of(filter).await, [], "{state:?} as {other:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_read_enough_says_where_to_go_on() {
    let house = House::new();
    let wanted = house.accepts(|asked| asked.category = Category::Bulk).await;
    for _ in 0..5 {
        house.accepts(|_| {}).await;
    }
    let pepper = house.store.pepper().clone();
    let read_three = async |before| {
        let filter = Filter {
            category: Some(Category::Bulk),
            before,
            ..Filter::default()
        };
        let pepper = pepper.clone();
        let list =
            move |db: &rusqlite::Connection| crate::store::list::list(db, &filter, 10, &pepper, 3);
        house.store.readers.ask(list).await.unwrap()
    };
    let first = read_three(None).await;
    assert!(first.messages.is_empty());
    let second = read_three(Some(first.next.unwrap())).await;
    assert_eq!(second.messages[0].seq, wanted.seq);
}
