//! Each make of modem that the simulator knows, under the profile that it gets by what it says of itself.
//!
//! The clock is paused: nothing here takes time. The modem is the simulator, with a reader and an encoder of its own.

use modem_sim::{MobileText, NetworkSettings, PERSONALITIES, Settings, SimInMemory, in_memory};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

const PHONE: &str = "+447700900123";

/// What must happen happens within this time on the paused clock.
const PATIENCE: Duration = Duration::from_secs(600);

/// A session on the line of one simulated modem.
struct Line {
    sim: SimInMemory,
    port: DuplexStream,
    session: Session,
    /// Every line that was written, without its end.
    written: Vec<String>,
    events: VecDeque<ModemEvent>,
    /// What somebody who asked was told.
    told: Vec<String>,
    departed: Option<Departure>,
}

impl Line {
    fn of(make: &str, settings: ModemSettings) -> Self {
        let (sim, mut ports) = in_memory(Settings {
            personalities: vec![make.to_owned()],
            network: NetworkSettings::default(),
            ..Settings::default()
        });
        Self {
            sim,
            port: ports.remove(0),
            session: Session::new(settings, Entry::Usual, now()),
            written: Vec::new(),
            events: VecDeque::new(),
            told: Vec::new(),
            departed: None,
        }
    }

    fn hand(&mut self, input: Input<'_>) {
        self.session.handle(now(), input);
    }

    async fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Write(octets) => {
                    self.written
                        .push(String::from_utf8_lossy(&octets).trim_end().to_owned());
                    // A modem that has gone takes nothing any more.
                    let _ = self.port.write_all(&octets).await;
                }
                Output::Event(event) => self.events.push_back(event),
                Output::Claim(_) => self.hand(Input::Claimed(true)),
                Output::Told(_, reply) => self.told.push(asking::replied(&reply)),
                Output::Depart(departure) => self.departed = Some(departure),
                Output::Status(_) | Output::Opened(_) => {}
            }
        }
    }

    /// Goes on until this is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        let mut buf = [0; 1024];
        loop {
            self.drain().await;
            if is_so(self) {
                return;
            }
            let status = &self.session.status;
            assert!(tokio::time::Instant::now() < end, "{what}: {status:?}");
            let deadline = self.session.deadline().map_or(end, Into::into);
            tokio::select! {
                read = self.port.read(&mut buf) => match read {
                    Ok(0) | Err(_) => self.hand(Input::Gone),
                    Ok(count) => self.hand(Input::Octets(&buf[..count])),
                },
                () = tokio::time::sleep_until(deadline) => self.hand(Input::Deadline),
            }
        }
    }

    async fn is_ready(&mut self) {
        let ready = |line: &Self| line.session.status.state == ModemState::Ready;
        self.until("ready", ready).await;
    }

    async fn event(&mut self, what: &str) -> ModemEvent {
        self.until(what, |line| !line.events.is_empty()).await;
        self.events.pop_front().unwrap()
    }

    fn wrote(&self, command: &str) -> bool {
        let line = format!("AT{command}");
        self.written.contains(&line)
    }

    fn profile(&self) -> Arc<Profile> {
        self.session.profile()
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn with_pin() -> ModemSettings {
    let mut settings = settings();
    settings.pin = Pin::parse("1234", &Pepper::new(&[7; 32]));
    settings
}

/// A line that some modem does not hear, or refuses, would be said again.
fn said_again(written: &[String]) -> Vec<&String> {
    let mut again: Vec<&String> = written
        .windows(2)
        .filter(|pair| pair[0] == pair[1] && pair[0] != "AT")
        .map(|pair| &pair[0])
        .collect();
    again.dedup();
    again
}

#[tokio::test(start_paused = true)]
async fn each_make_gets_its_own_profile_and_becomes_ready_at_once() {
    for make in PERSONALITIES {
        let mut line = Line::of(make, settings());
        let begun = tokio::time::Instant::now();
        line.is_ready().await;
        assert_eq!(line.profile().name(), *make);
        let status = &line.session.status;
        assert_eq!(status.last_error, None, "{make}");
        for said in [&status.imei, &status.imsi, &status.iccid, &status.operator] {
            assert!(said.is_some(), "{make}: {status:?}");
        }
        for command in line.profile().prepares_with() {
            assert!(line.wrote(command), "{make}: {command}");
        }
        // Its own way to the ICCID is the first that is tried, and the last.
        let profile = line.profile();
        let usual = Command::ICCID;
        let foreign = usual.iter().filter(|command| {
            let is_own = profile.iccid_commands().any(|own| own == command.text);
            !is_own && line.wrote(&command.text)
        });
        let has_own = profile.iccid_commands().next().is_some();
        assert!(
            !has_own || foreign.count() == 0,
            "{make}: {:?}",
            line.written
        );
        assert_eq!(said_again(&line.written), Vec::<&String>::new(), "{make}");
        // No line was waited for in vain.
        assert!(begun.elapsed() < Duration::from_secs(15), "{make}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_make_sends_receives_and_brings_its_reports() {
    for make in PERSONALITIES {
        let mut line = Line::of(make, settings());
        line.is_ready().await;
        line.hand(Input::Order(Order::Prepare(Box::new(submit(1)))));
        line.hand(Input::Order(Order::Go(Ticket(1))));
        let answer = line.event("answer").await;
        let ModemEvent::Answer { outcome, .. } = answer else {
            panic!("{make}: {answer:?}");
        };
        assert!(
            matches!(
                &outcome,
                Outcome::Accepted {
                    reference: Some(_),
                    ..
                }
            ),
            "{make}: {outcome:?}"
        );
        assert_eq!(line.sim.times(PHONE, "hello").await.unwrap(), 1, "{make}");

        // As +CDS, or from where the modem has put it.
        let report = line.event("report").await;
        let pdu = match report {
            ModemEvent::Report { pdu, .. } => pdu,
            ModemEvent::Received {
                pdu,
                is_stored: true,
                ..
            } => {
                line.hand(Input::Order(Order::Kept(PduDigest::of(&pdu))));
                pdu
            }
            other => panic!("{make}: {other:?}"),
        };
        let first = usize::from(pdu[0]) + 1;
        assert_eq!(
            pdu[first] & 3,
            2,
            "{make}: 23.040 §9.2.3.1, a status report"
        );

        line.sim
            .deliver(0, vec![MobileText::new(PHONE, "hi")])
            .await
            .unwrap();
        let text = line.event("text").await;
        let ModemEvent::Received { pdu, is_stored, .. } = text else {
            panic!("{make}: {text:?}");
        };
        assert!(is_stored, "{make}");
        line.hand(Input::Order(Order::Kept(PduDigest::of(&pdu))));
        let is_deleted = |line: &Line| line.written.iter().any(|one| one.starts_with("AT+CMGD="));
        line.until("deleted", is_deleted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_make_tells_what_its_pin_has_left_before_the_pin_is_entered() {
    for make in PERSONALITIES {
        for (wrong, is_entered) in [(1, true), (2, false)] {
            let mut line = Line::of(make, with_pin());
            let lock = json!({ "kind": "sim_lock", "pin": "1234" });
            let order = json!({ "do": "fault", "modem": 0, "fault": lock });
            line.sim.call(order).await.unwrap();
            for _ in 0..wrong {
                line.port.write_all(b"AT+CPIN=\"0000\"\r").await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let locked = |line: &Line| line.session.status.state == ModemState::PinRequired;
            match is_entered {
                true => line.is_ready().await,
                false => line.until("locked", locked).await,
            }
            let counter = line.profile().pin_counter().command;
            let asked = line
                .written
                .iter()
                .position(|one| *one == format!("AT{counter}"));
            let asked = asked.unwrap_or_else(|| panic!("{make}: {:?}", line.written));
            let entered = line
                .written
                .iter()
                .position(|one| one.starts_with("AT+CPIN="));
            assert_eq!(entered.is_some(), is_entered, "{make}");
            assert!(entered.is_none_or(|entered| asked < entered), "{make}");
            let error = line.session.status.last_error.clone();
            let left = "the PIN has 1 tries left: the last is yours; enter it in a phone";
            assert_eq!(error, (!is_entered).then(|| left.to_owned()), "{make}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_make_starts_anew_when_it_is_told_to_and_is_ready_again() {
    for make in PERSONALITIES {
        let mut line = Line::of(make, settings());
        line.is_ready().await;
        line.hand(Input::Order(Order::Control(Control::Restart)));
        line.until("departed", |line| line.departed.is_some()).await;
        let profile = line.profile();
        assert!(line.wrote(profile.restarts_with()), "{make}");

        // It has obeyed: what it was told before is forgotten.
        let Line { sim, mut port, .. } = line;
        let mut rest = [0; 1024];
        let goes = async { while !matches!(port.read(&mut rest).await, Ok(0) | Err(_)) {} };
        let is_gone = tokio::time::timeout(Duration::from_secs(1), goes)
            .await
            .is_ok();
        if is_gone {
            port = sim.next_port(0).await.unwrap();
        }
        let mut settings = settings();
        settings.known_profile = Some(Arc::clone(&profile));
        let entry = Entry::Booting(Some(Rung::Restart));
        let mut line = Line {
            sim,
            port,
            session: Session::new(settings, entry, now()),
            written: Vec::new(),
            events: VecDeque::new(),
            told: Vec::new(),
            departed: None,
        };
        line.is_ready().await;
        assert_eq!(line.profile().name(), *make);
        assert!(line.wrote("E0") && line.wrote("+CMGF=0"), "{make}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_make_is_asked_for_a_balance_in_the_coding_that_it_takes() {
    for make in PERSONALITIES {
        let mut line = Line::of(make, settings());
        line.is_ready().await;
        let question = asking::question("ussd", "*100#").unwrap();
        line.hand(Input::Asked(1, question));
        line.until("told", |line| !line.told.is_empty()).await;
        let told = &line.told[0];
        assert!(told.starts_with("done: Balance "), "{make}: {told:?}");
        // It was written once.
        let codes = line
            .written
            .iter()
            .filter(|one| one.starts_with("AT+CUSD=1,"));
        assert_eq!(codes.count(), 1, "{make}: {:?}", line.written);
    }
}

#[tokio::test(start_paused = true)]
async fn each_make_that_has_a_way_around_lte_takes_it() {
    for make in PERSONALITIES {
        let mut line = Line::of(make, settings());
        line.is_ready().await;
        let profile = line.profile();
        let Some(command) = profile.avoids_lte_with() else {
            continue;
        };
        // Whatever it wants to be left alone for.
        tokio::time::sleep(Duration::from_secs(1)).await;
        line.port
            .write_all(format!("AT{command}\rAT+COPS?\r").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut buf = [0; 1024];
        let count = line.port.read(&mut buf).await.unwrap();
        let said = String::from_utf8_lossy(&buf[..count]).into_owned();
        assert!(said.contains("OK"), "{make}: {said:?}");
        let technology = said.split("+COPS: ").nth(1).and_then(|rest| {
            let line = rest.lines().next()?;
            line.rsplit(',').next()?.parse::<u8>().ok()
        });
        // 27.007 §7.3: 7 is LTE.
        assert!(matches!(technology, Some(0 | 2)), "{make}: {said:?}");
    }
}
