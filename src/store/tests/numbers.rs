//! Numbers that are kept as messages take their steps, against rows that are counted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a random life is made of.
const HAPPENINGS: [&str; 11] = [
    "due",
    "cancel",
    "over",
    "intent",
    "accepted",
    "refused",
    "give_up",
    "lost",
    "never_left",
    "delivered",
    "undelivered",
];

type Cells = BTreeMap<(i64, String, String, String), i64>;

impl House {
    async fn cells(&self, sql: &'static str) -> Cells {
        let read = move |db: &rusqlite::Connection| -> Result<Cells, StoreError> {
            let mut statement = db.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let cell = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((cell, row.get(4)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.ask(read).await.unwrap()
    }

    /// Every number that is kept, beside the same counted over all rows.
    pub(super) async fn numbers_are_right(&self) {
        let kept = self
            .cells(
                "SELECT day, country, status, route, messages
                   FROM statistic
                  WHERE messages <> 0",
            )
            .await;
        let counted = self
            .cells(
                "SELECT COALESCE(sent_at, created_at) / 86400000, COALESCE(country, ''), state,
                        COALESCE(route, ''), COUNT(*)
                   FROM message
                  WHERE state NOT IN ('scheduled', 'queued', 'sending')
                  GROUP BY 1, 2, 3, 4",
            )
            .await;
        assert_eq!(kept, counted);
        let kept: Cells = self
            .store
            .places()
            .into_iter()
            .map(|(place, messages)| {
                let via = place.via.map_or(String::new(), |via| via.stored());
                let (state, category) = (place.state.as_str(), place.category.as_str());
                ((0, state.into(), category.into(), via), messages)
            })
            .collect();
        let counted = self
            .cells(
                "SELECT 0, state, category, COALESCE(from_modem, ''), COUNT(*)
                   FROM message
                  WHERE state IN ('scheduled', 'queued', 'sending')
                  GROUP BY 2, 3, 4",
            )
            .await;
        assert_eq!(kept, counted);
        assert_eq!(self.store.unsent(), counted.values().sum::<i64>());
        let kept = self
            .cells("SELECT waiting, '', '', '', seq * 1000000 + sending * 10000 + success * 100 + failed FROM batch ORDER BY seq")
            .await;
        let counted = self
            .cells(
                "SELECT SUM(state IN ('scheduled', 'queued')), '', '', '',
                        batch * 1000000 + SUM(state = 'sending') * 10000
                          + SUM(state IN ('sent', 'delivered')) * 100
                          + SUM(state IN ('undelivered', 'failed', 'expired', 'canceled', 'unknown'))
                   FROM message
                  WHERE batch IS NOT NULL
                  GROUP BY batch
                  ORDER BY batch",
            )
            .await;
        assert_eq!(kept, counted);
    }

    /// Some alone, some in a batch; of two countries, two categories, and one bound to a modem.
    async fn has_messages(&self) -> Vec<MessageView> {
        let abroad = Destination::stored("+447700900123").unwrap();
        let batch = [
            submission(|asked| asked.category = Category::Bulk),
            submission(|asked| {
                asked.category = Category::Bulk;
                asked.to = abroad.clone();
            }),
        ];
        let asked = BatchSubmission::new(placed(&batch), Vec::new(), NOW).unwrap();
        self.store.accept_batch(asked, None).await.unwrap();
        self.accepts(|asked| asked.via = Some(by_modem())).await;
        self.accepts(|asked| asked.to = abroad.clone()).await;
        self.accepts(|asked| asked.scheduled_at = Some(NOW.plus(Duration::from_secs(60))))
            .await;
        self.store
            .list(Filter::default(), 200)
            .await
            .unwrap()
            .messages
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_kept_number_is_what_counting_would_give(
        life in proptest::collection::vec((0..5_usize, 0..HAPPENINGS.len()), 1..30),
        restarts in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut house = House::new();
            let messages = house.has_messages().await;
            for (message, happening) in life {
                let now = house.view(&messages[message]).await;
                house.happens(HAPPENINGS[happening], &now).await;
            }
            if restarts {
                house = house.restarted();
            }
            house.numbers_are_right().await;
        });
    }
}

#[tokio::test]
async fn the_queue_says_what_waits_for_what_and_since_when() {
    let house = House::new();
    let minute = |minutes: u64| NOW.plus(Duration::from_secs(60 * minutes));
    let oldest = house.accepts(|asked| asked.expires_at = minute(9)).await;
    house
        .accepts(|asked| {
            asked.at = minute(1);
            asked.expires_at = minute(5);
        })
        .await;
    house.accepts(|asked| asked.via = Some(by_modem())).await;
    for minutes in [8, 7] {
        house
            .accepts(|asked| asked.scheduled_at = Some(minute(minutes)))
            .await;
    }
    let held = house.accepts(|_| {}).await;
    house.intends(held.seq, 1).await;
    house.is_uncertain(held.seq, again()).await;

    let queue = house.store.queue().await.unwrap();
    assert!(!queue.is_sample);
    let groups: Vec<String> = queue.groups.iter().map(told).collect();
    assert_eq!(
        groups,
        [
            format!("scheduled until {}: 2 transactional of any", minute(7)),
            "retry_backoff until 2023-11-14T22:13:25.000Z: 1 transactional of any".into(),
            format!("{} in line: 2 transactional of any", oldest.id),
            "MSG_20231114221320000003_001 in line: 1 transactional of modem:m1".into(),
        ]
    );
    let line = &queue.groups[2];
    assert_eq!(
        (line.oldest_at, line.first_expires_at),
        (Some(NOW), Some(minute(5)))
    );
}

fn by_modem() -> Via {
    Via::Route(RouteName::of_modem(&modem()))
}

fn told(group: &QueueGroup) -> String {
    let what = match &group.why {
        Why::Held { code, until, .. } => format!("{} until {until}", code.as_str()),
        Why::InLine(first) => format!("{} in line", first.id),
    };
    let whose = group.via.as_ref().map_or("any".into(), Via::shown);
    let category = group.category.as_str();
    format!("{what}: {} {category} of {whose}", group.messages)
}
