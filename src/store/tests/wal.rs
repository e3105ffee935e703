//! The WAL stays small, whoever reads.

use std::sync::Arc;

use super::*;
use crate::store::wal::COPIED_AT_LAST;

const MIB: u64 = 1 << 20;
const PAGE: u64 = 4096;

/// What the writer lets it come to when the other thread is slow, and a group more.
fn bound() -> u64 {
    u64::try_from(COPIED_AT_LAST).unwrap() * PAGE + 8 * MIB
}

impl House {
    fn wal(&self) -> u64 {
        let path = self.folder.path().join("cellpost.db-wal");
        std::fs::metadata(path).unwrap().len()
    }

    /// Some four megabytes in one transaction: answers that are remembered.
    async fn writes_much(&self, round: u8) {
        let mut group = self.store.group();
        let receipts: Vec<_> = (0..50)
            .map(|number| {
                let mut scope = [0; 32];
                scope[..2].copy_from_slice(&[round, number]);
                let once = Once {
                    scope,
                    body_mac: [0; 32],
                    render: Arc::new(|_| Answer {
                        status: 202,
                        location: None,
                        body: "x".repeat(80 << 10),
                    }),
                    skipped: |_| panic!("no alert"),
                };
                group.accept(submission(|_| {}), Some(once))
            })
            .collect();
        group.submit().await;
        for receipt in receipts {
            receipt.committed().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_long_question_stops_no_writer_and_the_wal_is_cut_when_it_is_over() {
    let house = House::new();
    house.writes_much(0).await;
    let reader = Connection::open(house.folder.path().join("cellpost.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT COUNT(*) FROM message;")
        .unwrap();
    let mut round = 0;
    while house.wal() < 80 * MIB {
        round += 1;
        assert!(round < 30, "the WAL does not grow behind the question");
        house.writes_much(round).await;
    }
    reader.execute_batch("COMMIT").unwrap();
    for more in 0..10 {
        house.writes_much(round + 1 + more).await;
    }
    let wal = house.wal();
    assert!(wal <= bound(), "{wal} octets are left");
}

#[tokio::test]
async fn a_wal_that_nobody_holds_stays_small_however_much_is_written() {
    let house = House::new();
    for round in 0..40 {
        house.writes_much(round).await;
        let wal = house.wal();
        assert!(wal <= bound(), "{wal} octets after round {round}");
    }
}
