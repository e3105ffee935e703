//! Which route, and why no other: a table, and what follows from it for the line.

use std::sync::Arc;

use super::*;
use crate::dispatch::claims::{Turns, claims, look_again_at};
use crate::dispatch::purse::Allowance;
use crate::domain::route::USUAL_POLICIES;
use crate::domain::{
    Body, Categories, Crowd, Encoding, MessageId, MessageSeq, Money, Prefixes, Priority, Terms,
};
use crate::store::{LastTry, StoredText};
use ModemState::{Absent, NoNetwork, Ready};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// A modem `modem:NAME` with a SIM of its own, or a provider `cloud:NAME`.
fn route(name: &str, state: ModemState, mean_ms: u64, parts: usize) -> RouteView {
    let name = RouteName::parse(name).unwrap();
    let is_modem = name.kind() == RouteKind::Modem;
    RouteView {
        terms: Arc::new(Terms {
            ranks: [Some(u8::from(!is_modem)); 5],
            ..Terms::default()
        }),
        sim: is_modem.then(|| sim(name.name())),
        name,
        state,
        said: None,
        is_coming_back: false,
        mean_send: Duration::from_millis(mean_ms),
        parts,
        has_room: parts < 2,
        used_up_until: None,
        cools_until: None,
        allowance: None,
    }
}

fn with(route: RouteView, change: impl FnOnce(&mut Terms)) -> RouteView {
    let mut terms = (*route.terms).clone();
    change(&mut terms);
    RouteView {
        terms: Arc::new(terms),
        ..route
    }
}

/// The SIM in the modem with this name of one letter.
fn sim(modem: &str) -> SimId {
    SimId::parse(&format!("8986000000000000{:04}", modem.as_bytes()[0])).unwrap()
}

fn message(seq: i64, priority: u8) -> InLine {
    InLine {
        seq: MessageSeq(seq),
        id: MessageId::parse("MSG_1").unwrap(),
        to: Destination::stored("+8613800138000").unwrap(),
        category: Category::Transactional,
        severity: None,
        priority: Priority(priority),
        text: StoredText::Plain(Body::stored("hello".into())),
        encoding: Encoding::Gsm7,
        flash: false,
        ref16: false,
        via: None,
        crowd: Crowd::ANYBODY,
        since: NOW,
        expires_at: NOW.plus(Duration::from_secs(86_400)),
        parts: vec![PartState::Queued],
        last: None,
        contact: None,
        strikes: 0,
        setbacks: 0,
        is_barred: false,
        origin: None,
        stays: false,
    }
}

fn changed(change: impl FnOnce(&mut InLine)) -> InLine {
    let mut message = message(1, 2);
    change(&mut message);
    message
}

fn tried_by(modem: &str, seconds_ago: u64) -> Option<LastTry> {
    Some(LastTry {
        route: RouteName::parse(&format!("modem:{modem}")).unwrap(),
        sim: Some(sim(modem)),
        reference: Some(300),
        at: UnixMillis(NOW.0 - i64::try_from(seconds_ago * 1000).unwrap()),
    })
}

#[track_caller]
fn planned(line: Vec<InLine>, routes: &[RouteView]) -> Vec<(i64, usize)> {
    let line: Vec<Arc<InLine>> = line.into_iter().map(Arc::new).collect();
    let mut turns = Turns::default();
    claims(&line, routes, &USUAL_POLICIES, &mut turns, NOW)
        .iter()
        .map(|claim| (line[claim.message].seq.0, claim.route))
        .collect()
}

/// Candidates by name, the best first, and the reason of each other route.
fn judged(message: &InLine, routes: &[RouteView]) -> (Vec<&'static str>, Vec<String>) {
    let ahead: Vec<usize> = routes.iter().map(|route| route.parts).collect();
    let mut panel = Panel::default();
    panel.hear(&asked(message, &USUAL_POLICIES), routes, &ahead, NOW);
    let (mut candidates, mut rejected) = (Vec::new(), Vec::new());
    for (at, verdict) in panel.in_order() {
        let name = routes[at].name.as_str();
        match verdict {
            Ok(_) => candidates.push(known(name)),
            Err(rejection) => rejected.push(format!("{name} {}", rejection.code())),
        }
    }
    assert_eq!(
        panel.best().map(|at| known(routes[at].name.as_str())),
        candidates.first().copied(),
        "what is decided is what is explained"
    );
    (candidates, rejected)
}

fn known(name: &str) -> &'static str {
    ["modem:a", "modem:b", "modem:c", "cloud:x"]
        .into_iter()
        .find(|known| *known == name)
        .unwrap()
}

fn later(seconds: u64) -> UnixMillis {
    NOW.plus(Duration::from_secs(seconds))
}

fn ago(seconds: i64) -> UnixMillis {
    UnixMillis(NOW.0 - seconds * 1000)
}

/// What it is about, the message, the routes; the candidates, the best first, and every other route with its reason.
type Case<'a> = (
    &'a str,
    InLine,
    Vec<RouteView>,
    &'a [&'a str],
    &'a [&'a str],
);

#[test]
fn each_reason_not_to_take_a_route_is_named() {
    use Category::{Alert, Bulk, Otp};
    let a = || route("modem:a", Ready, 1000, 0);
    let b = || route("modem:b", Ready, 2000, 0);
    let x = || route("cloud:x", Ready, 500, 0);
    let plain = || message(1, 2);
    let cases: Vec<Case<'_>> = vec![
        (
            "the quickest first",
            plain(),
            vec![b(), a()],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "not ready",
            plain(),
            vec![route("modem:a", NoNetwork, 1000, 0), b()],
            &["modem:b"],
            &["modem:a no_network"],
        ),
        (
            "switched off",
            plain(),
            vec![with(a(), |terms| terms.enabled = false), b()],
            &["modem:b"],
            &["modem:a disabled"],
        ),
        (
            "another category",
            plain(),
            vec![
                with(a(), |terms| terms.categories = Categories::of(&[Otp])),
                b(),
            ],
            &["modem:b"],
            &["modem:a category"],
        ),
        (
            "another country",
            plain(),
            vec![
                with(a(), |terms| {
                    terms.prefixes = Prefixes::new(vec!["+1".into()])
                }),
                b(),
            ],
            &["modem:b"],
            &["modem:a prefix"],
        ),
        (
            "nowhere in the order",
            plain(),
            vec![with(a(), |terms| terms.ranks[2] = None), b()],
            &["modem:b"],
            &["modem:a order"],
        ),
        (
            "a quota that is used up",
            plain(),
            vec![
                RouteView {
                    used_up_until: Some(later(60)),
                    ..a()
                },
                b(),
            ],
            &["modem:b"],
            &["modem:a sim_quota"],
        ),
        (
            "a quota that began anew",
            plain(),
            vec![
                RouteView {
                    used_up_until: Some(NOW),
                    ..a()
                },
                b(),
            ],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "left alone for a while",
            plain(),
            vec![
                RouteView {
                    cools_until: Some(later(30)),
                    ..a()
                },
                b(),
            ],
            &["modem:b"],
            &["modem:a route_cooldown"],
        ),
        (
            "the caller named the other",
            changed(|asked| asked.via = Via::parse("b")),
            vec![a(), b()],
            &["modem:b"],
            &["modem:a not_asked"],
        ),
        (
            "the caller named a SIM, wherever it is",
            changed(|asked| asked.via = Some(Via::Sim(sim("a")))),
            vec![
                RouteView {
                    sim: Some(sim("a")),
                    ..b()
                },
                route("modem:c", Ready, 1, 0),
            ],
            &["modem:b"],
            &["modem:c not_asked"],
        ),
        (
            "half the share of the work counts as twice the wait",
            plain(),
            vec![
                with(route("modem:a", Ready, 1500, 0), |terms| terms.weight = 50),
                b(),
            ],
            &["modem:b", "modem:a"],
            &[],
        ),
        (
            "weight 0 is for when there is no other",
            plain(),
            vec![
                with(a(), |terms| terms.weight = 0),
                route("modem:b", Ready, 60_000, 1),
            ],
            &["modem:b", "modem:a"],
            &[],
        ),
        (
            "an order of modems goes before their waits",
            plain(),
            vec![with(a(), |terms| terms.ranks = [Some(1); 5]), b()],
            &["modem:b", "modem:a"],
            &[],
        ),
        (
            "but not before the time that its category may wait",
            changed(|asked| asked.category = Otp),
            vec![
                with(a(), |terms| terms.ranks = [Some(1); 5]),
                route("modem:b", Ready, 8000, 2),
            ],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "modems have their time first",
            plain(),
            vec![a(), x()],
            &["modem:a"],
            &["cloud:x not_yet"],
        ),
        (
            "no modem ready: a text can wait",
            plain(),
            vec![route("modem:a", Absent, 1000, 0), x()],
            &[],
            &["modem:a absent", "cloud:x not_yet"],
        ),
        (
            "no modem ready: a code cannot",
            changed(|asked| asked.category = Otp),
            vec![route("modem:a", Absent, 1000, 0), x()],
            &["cloud:x"],
            &["modem:a absent"],
        ),
        (
            "no modem ready: a critical alert cannot",
            changed(|asked| {
                asked.category = Alert;
                asked.severity = Some(Severity::Critical);
            }),
            vec![route("modem:a", Absent, 1000, 0), x()],
            &["cloud:x"],
            &["modem:a absent"],
        ),
        (
            "a code that would wait too long goes by the provider",
            changed(|asked| asked.category = Otp),
            vec![route("modem:a", Ready, 4000, 4), x()],
            &["cloud:x", "modem:a"],
            &[],
        ),
        (
            "and not when it just would not",
            changed(|asked| asked.category = Otp),
            vec![route("modem:a", Ready, 4000, 3), x()],
            &["modem:a"],
            &["cloud:x not_yet"],
        ),
        (
            "a code that has waited as long goes by the provider",
            changed(|asked| {
                asked.category = Otp;
                asked.since = ago(15);
            }),
            vec![a(), x()],
            &["cloud:x", "modem:a"],
            &[],
        ),
        (
            "a text that has waited ten minutes too",
            changed(|asked| asked.since = ago(600)),
            vec![route("modem:a", Absent, 1000, 0), x()],
            &["cloud:x"],
            &["modem:a absent"],
        ),
        (
            "no modem serves it: at once",
            plain(),
            vec![with(a(), |terms| terms.enabled = false), x()],
            &["cloud:x"],
            &["modem:a disabled"],
        ),
        (
            "the provider stands first in the order",
            plain(),
            vec![
                with(a(), |terms| terms.ranks = [Some(1); 5]),
                with(x(), |terms| terms.ranks = [Some(0); 5]),
            ],
            &["cloud:x", "modem:a"],
            &[],
        ),
        (
            "a category that no provider may have",
            changed(|asked| {
                asked.category = Bulk;
                asked.since = ago(6000);
            }),
            vec![route("modem:a", Absent, 1000, 0), x()],
            &[],
            &["modem:a absent", "cloud:x cloud_for"],
        ),
        (
            "the budget is too small for two parts",
            changed(|asked| {
                asked.category = Otp;
                asked.parts = vec![PartState::Queued; 2];
            }),
            vec![
                route("modem:a", Absent, 1000, 0),
                RouteView {
                    allowance: Some(Allowance {
                        left: Money(999),
                        until: later(60),
                    }),
                    ..x()
                },
            ],
            &[],
            &["modem:a absent", "cloud:x budget"],
        ),
        (
            "refused by a modem: the other modem first, then the provider, then the same again",
            changed(|asked| {
                asked.last = tried_by("a", 5);
                asked.setbacks = 1;
            }),
            vec![a(), b(), x()],
            &["modem:b", "cloud:x", "modem:a"],
            &[],
        ),
        (
            "refused by the SIM, which is in another modem now",
            changed(|asked| {
                asked.last = tried_by("a", 5);
                asked.setbacks = 1;
            }),
            vec![
                RouteView {
                    sim: Some(sim("c")),
                    ..a()
                },
                RouteView {
                    sim: Some(sim("a")),
                    ..b()
                },
            ],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "no such number: no other modem, but a provider",
            changed(|asked| {
                asked.category = Otp;
                asked.last = tried_by("a", 0);
                asked.strikes = 1;
                asked.is_barred = true;
            }),
            vec![a(), b(), x()],
            &["cloud:x"],
            &["modem:a barred", "modem:b barred"],
        ),
        (
            "the SIM that the recipient knows, up to ten seconds later",
            changed(|asked| asked.contact = Some(sim("b"))),
            vec![a(), route("modem:b", Ready, 11_000, 0)],
            &["modem:b", "modem:a"],
            &[],
        ),
        (
            "and no more than ten",
            changed(|asked| asked.contact = Some(sim("b"))),
            vec![a(), route("modem:b", Ready, 11_001, 0)],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "the SIM that the recipient knows is not asked before the order of routes",
            changed(|asked| asked.contact = Some(sim("b"))),
            vec![a(), with(b(), |terms| terms.ranks = [Some(1); 5])],
            &["modem:a", "modem:b"],
            &[],
        ),
        (
            "half a text follows its SIM into another modem",
            changed(|asked| {
                asked.last = tried_by("a", 5);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![
                RouteView {
                    sim: Some(sim("c")),
                    ..a()
                },
                RouteView {
                    sim: Some(sim("a")),
                    ..b()
                },
            ],
            &["modem:b"],
            &["modem:a bound"],
        ),
        (
            "and into a new stick, though the old one is remembered with it",
            changed(|asked| {
                asked.last = tried_by("a", 5);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![
                route("modem:a", Absent, 1000, 0),
                RouteView {
                    sim: Some(sim("a")),
                    ..b()
                },
            ],
            &["modem:b"],
            &["modem:a bound"],
        ),
        (
            "a code that is half sent waits for its SIM a while",
            changed(|asked| {
                asked.category = Otp;
                asked.last = tried_by("a", 59);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![route("modem:a", Absent, 1000, 0), b(), x()],
            &[],
            &["modem:a absent", "modem:b bound", "cloud:x bound"],
        ),
        (
            "and no longer",
            changed(|asked| {
                asked.category = Otp;
                asked.last = tried_by("a", 60);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![route("modem:a", Absent, 1000, 0), b()],
            &["modem:b"],
            &["modem:a absent"],
        ),
        (
            "a modem that was there a moment ago is waited for longer",
            changed(|asked| {
                asked.last = tried_by("a", 3600);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![
                RouteView {
                    is_coming_back: true,
                    ..route("modem:a", Absent, 1000, 0)
                },
                b(),
            ],
            &[],
            &["modem:a absent", "modem:b bound"],
        ),
        (
            "bulk that is half sent waits for its SIM to the end",
            changed(|asked| {
                asked.category = Bulk;
                asked.last = tried_by("a", 80_000);
                asked.parts = vec![PartState::Sent, PartState::Queued];
            }),
            vec![route("modem:a", Absent, 1000, 0), b()],
            &[],
            &["modem:a absent", "modem:b bound"],
        ),
        (
            "bulk of which a part may have left too",
            changed(|asked| {
                asked.category = Bulk;
                asked.last = tried_by("a", 80_000);
                asked.parts = vec![PartState::Uncertain, PartState::Queued];
            }),
            vec![b()],
            &[],
            &["modem:b bound"],
        ),
        (
            "a text none of whose parts has left for certain is free, unless it is bulk",
            changed(|asked| {
                asked.last = tried_by("a", 0);
                asked.parts = vec![PartState::Uncertain, PartState::Queued];
            }),
            vec![b()],
            &["modem:b"],
            &[],
        ),
    ];
    for (what, message, routes, candidates, rejected) in cases {
        let (found, reasons) = judged(&message, &routes);
        assert_eq!(found, candidates, "{what}");
        assert_eq!(reasons, rejected, "{what}");
    }
}

#[test]
fn two_idle_modems_share_the_line() {
    let line = vec![message(1, 2), message(2, 2), message(3, 2)];
    let routes = [
        route("modem:a", Ready, 1000, 0),
        route("modem:b", Ready, 1000, 0),
    ];
    assert_eq!(planned(line, &routes), [(1, 0), (2, 1)]);
}

#[test]
fn a_slow_modem_gets_only_what_would_wait_longer_for_the_fast_one() {
    let line = |most| (1..=most).map(|seq| message(seq, 2)).collect::<Vec<_>>();
    let routes = [
        route("modem:a", Ready, 1000, 2),
        route("modem:b", Ready, 10_000, 0),
    ];
    // The eighth would be done by either after ten seconds; the fast one keeps it.
    assert_eq!(planned(line(20), &routes), [(9, 1)]);
    assert_eq!(planned(line(5), &routes), []);
}

#[test]
fn a_modem_of_half_the_weight_is_given_half_the_work() {
    let mut shares = [0, 0];
    let mut routes = [
        route("modem:a", Ready, 1000, 0),
        route("modem:b", Ready, 1000, 0),
    ];
    routes[1] = with(routes[1].clone(), |terms| terms.weight = 50);
    for seq in 1..=30 {
        routes.iter_mut().for_each(|route| route.has_room = true);
        for (_, at) in planned(vec![message(seq, 2)], &routes) {
            shares[at] += 1;
            routes[at].parts += 1;
        }
    }
    assert_eq!(shares, [20, 10]);
}

#[test]
fn the_best_class_goes_first_and_the_oldest_of_it() {
    let line = vec![message(3, 0), message(1, 2), message(2, 2)];
    assert_eq!(planned(line, &[route("modem:a", Ready, 1000, 0)]), [(3, 0)]);
}

#[test]
fn every_class_that_waits_gets_one_of_eight_sends() {
    let mut turns = Turns::default();
    let line: Vec<Arc<InLine>> = (1..=50)
        .map(|seq| message(seq, 0))
        .chain([message(100, 4)])
        .map(Arc::new)
        .collect();
    let sent: Vec<u8> = (0..16)
        .map(|_| {
            let routes = [route("modem:a", Ready, 1000, 0)];
            let claimed = claims(&line, &routes, &USUAL_POLICIES, &mut turns, NOW);
            line[claimed[0].message].priority.0
        })
        .collect();
    assert_eq!(sent, [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4]);
}

#[test]
fn a_crowd_that_can_go_nowhere_does_not_hide_what_can() {
    let named = |seq| InLine {
        via: Via::parse("a"),
        ..message(seq, 2)
    };
    let line = vec![named(1), named(2), named(3), message(4, 2)];
    let routes = [
        route("modem:a", Absent, 1000, 0),
        route("modem:b", Ready, 1000, 0),
    ];
    assert_eq!(planned(line, &routes), [(4, 1)]);
}

#[test]
fn missing_parts_go_alone_by_their_sim_and_all_anew_by_another() {
    let begun = |seconds| {
        let message = changed(|asked| {
            asked.last = tried_by("a", seconds);
            asked.parts = vec![PartState::Sent, PartState::Queued];
        });
        [Arc::new(message)]
    };
    let claim = |line: &[Arc<InLine>], routes: &[RouteView]| {
        let mut turns = Turns::default();
        let claims = claims(line, routes, &USUAL_POLICIES, &mut turns, NOW);
        claims.first().map(|claim| (claim.route, claim.anew))
    };
    let here = [
        route("modem:a", Ready, 1000, 1),
        route("modem:b", Ready, 1000, 0),
    ];
    let gone = [
        route("modem:a", Absent, 1000, 0),
        route("modem:b", Ready, 1000, 0),
    ];
    assert_eq!(claim(&begun(3600), &here), Some((0, false)));
    assert_eq!(claim(&begun(10), &gone), None);
    assert_eq!(claim(&begun(60), &gone), Some((1, true)));
    let looks_again = look_again_at(&begun(10), &gone, &USUAL_POLICIES, NOW);
    assert_eq!(looks_again, Some(later(50)));
}

#[test]
fn dispatch_looks_again_when_a_provider_may_take_what_waits() {
    let line = [Arc::new(changed(|asked| asked.since = ago(100)))];
    let routes = [
        route("modem:a", Absent, 1000, 0),
        route("cloud:x", Ready, 500, 0),
    ];
    assert_eq!(
        look_again_at(&line, &routes, &USUAL_POLICIES, NOW),
        Some(later(500))
    );
}

#[test]
fn a_reference_is_kept_on_one_sim_and_another_on_the_next() {
    let place = |modem: &str| RouteName::parse(&format!("modem:{modem}")).unwrap();
    let (a, b) = (sim("a"), sim("b"));
    let tried = changed(|asked| asked.last = tried_by("a", 5));
    // The SIM has moved into another modem: it is the same.
    assert_eq!(reference(&tried, &place("b"), Some(&a)), 300);
    let elsewhere = reference(&tried, &place("b"), Some(&b));
    assert_ne!(elsewhere.to_be_bytes()[1], 300u16.to_be_bytes()[1]);

    let fresh = |seq| reference(&message(seq, 2), &place("a"), Some(&a));
    let consecutive: std::collections::HashSet<u8> =
        (1..=256).map(|seq| fresh(seq).to_be_bytes()[1]).collect();
    assert_eq!(
        consecutive.len(),
        256,
        "no two texts that follow each other share one"
    );

    // There and back again: each SIM has its own.
    let first = fresh(1);
    let moved = |to: &SimId, reference_before, from: &SimId| {
        let message = changed(|asked| {
            asked.last = Some(LastTry {
                route: place("a"),
                sim: Some(from.clone()),
                reference: Some(reference_before),
                at: NOW,
            });
        });
        reference(&message, &place("a"), Some(to))
    };
    let on_b = moved(&b, first, &a);
    assert_ne!(on_b, first);
    assert_eq!(moved(&a, on_b, &b), first);
    assert_eq!(moved(&b, first, &a), on_b);
}
