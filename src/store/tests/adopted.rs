//! What is remembered of modems without a section, and what becomes of it when a section has their stick.

use super::*;

fn named(name: &str) -> ModemName {
    ModemName::parse(name).unwrap()
}

fn only_by(name: &str) -> Via {
    Via::Route(RouteName::of_modem(&named(name)))
}

impl House {
    async fn adopts(&self, name: &str) {
        let adopted = Adopted {
            modem: named(name),
            imei: format!("imei of {name}"),
        };
        self.store.adopt(adopted, NOW).await.unwrap();
    }

    async fn bound(&self, via: Via, change: impl FnOnce(&mut Submission)) -> MessageView {
        self.accepts(|asked| {
            asked.crowd = Crowd::of_via(&via);
            asked.via = Some(via);
            change(asked);
        })
        .await
    }

    async fn names_adopted(&self) -> Vec<String> {
        let adopted = self.store.adopted().await.unwrap();
        let names = adopted.iter().map(|one| one.modem.as_str().to_owned());
        names.collect()
    }
}

#[tokio::test]
async fn what_waits_for_an_adopted_modem_waits_for_the_section_that_has_its_stick() {
    let house = House::new();
    house.adopts("m000017").await;
    house.adopts("m000025").await;
    let mut waits = Vec::new();
    for at in 0..250 {
        let later = (at % 2 == 1).then(|| NOW.plus(Duration::from_secs(60)));
        let bound = house
            .bound(only_by("m000017"), |asked| asked.scheduled_at = later)
            .await;
        waits.push(bound);
    }
    assert!(house.intends(waits[0].seq, 1).await, "one is on its way");
    let others = house.bound(only_by("m000025"), |_| {}).await;
    let sims = house.bound(Via::Sim(sim()), |_| {}).await;
    let anybodys = house.accepts(|_| {}).await;

    let (from, to) = (named("m000017"), named("section"));
    assert_eq!(house.store.bequeath(from, to).await.unwrap(), 250);
    assert_eq!(house.names_adopted().await, ["m000025"]);
    for message in &waits {
        assert_eq!(house.view(message).await.via, Some(only_by("section")));
    }
    for message in [&others, &sims, &anybodys] {
        assert_eq!(house.view(message).await.via, message.via);
    }
    house.numbers_are_right().await;
    let line = house.store.line(200, Contacts::Spared).await.unwrap();
    let of_section = |message: &&InLine| message.crowd == Crowd::of_via(&only_by("section"));
    assert_eq!(line.front.iter().filter(of_section).count(), 124);
    let house = house.restarted();
    assert_eq!(house.names_adopted().await, ["m000025"]);
}

#[tokio::test]
async fn a_section_knows_the_sim_of_the_stick_that_was_adopted_before() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.intends(message.seq, 1).await);
    assert!(house.is_accepted(message.seq, 1, 1).await);
    let known = house.store.mean_send(modem()).await.unwrap();
    assert!(known.is_some());
    house
        .store
        .bequeath(modem(), named("section"))
        .await
        .unwrap();
    assert_eq!(house.store.mean_send(modem()).await.unwrap(), None);
    assert_eq!(
        house.store.mean_send(named("section")).await.unwrap(),
        known
    );
}

#[tokio::test]
async fn a_section_of_the_same_name_leaves_nothing_to_be_renamed() {
    let house = House::new();
    house.adopts("m000017").await;
    let waits = house.bound(only_by("m000017"), |_| {}).await;
    let name = named("m000017");
    assert_eq!(house.store.bequeath(name.clone(), name).await.unwrap(), 0);
    assert!(house.names_adopted().await.is_empty());
    assert_eq!(house.view(&waits).await.via, Some(only_by("m000017")));
    house.numbers_are_right().await;
}
