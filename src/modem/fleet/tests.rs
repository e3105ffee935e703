//! Real ptys, and simulated modems where one has to answer.

use std::os::unix::fs::symlink;

use pdu_codec::Reference;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;
use crate::domain::{Body, Destination, Encoding, ModemName, PartNumber, UnixMillis};
use crate::modem::profile::Profiles;
use crate::modem::{Outcome, Recordings, Submit, Ticket};

#[tokio::test]
async fn a_missing_modem_is_absent_and_is_found_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("later/modem0");
    let mut house = House::start(&device);
    house.until(ModemState::Absent).await;

    let answered = house.prepare(1).await;
    assert!(matches!(answered, Outcome::NeverLeft(_)), "{answered:?}");

    std::fs::create_dir(folder.path().join("later")).unwrap();
    let (_end, path) = pty();
    symlink(path, &device).unwrap();
    house.until(ModemState::Starting).await;
    house.stop().await;
}

#[tokio::test]
async fn a_port_that_is_no_tty_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("file");
    std::fs::write(&device, "").unwrap();
    let mut house = House::start(&device);
    let status = house.until(ModemState::Failed).await;
    assert!(status.last_error.unwrap().contains("is no tty"));
    house.stop().await;
}

#[tokio::test]
async fn a_modem_pulled_out_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("modem0");
    let (end, path) = pty();
    symlink(path, &device).unwrap();
    let mut house = House::start(&device);
    house.until(ModemState::Starting).await;
    std::fs::remove_file(&device).unwrap();
    drop(end);
    let status = house.until(ModemState::Absent).await;
    assert_eq!(status.signal_dbm, None);
    house.stop().await;
}

#[cfg(feature = "sim")]
mod with_simulated_modems {
    use modem_sim::{NetworkSettings, Settings, Sim};

    use super::*;

    fn simulation(folder: &Path, latency: Duration) -> Sim {
        let network = NetworkSettings {
            latency,
            report_after: Duration::from_millis(50),
            ..NetworkSettings::default()
        };
        let settings = Settings {
            network,
            ..Settings::default()
        };
        modem_sim::start(folder, settings).unwrap()
    }

    #[tokio::test]
    async fn a_modem_sends_and_its_report_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let sim = simulation(folder.path(), Duration::from_millis(20));
        let mut house = House::start(&sim.ports()[0]);
        let status = house.until(ModemState::Ready).await;
        assert!(
            status.imei.is_some() && status.iccid.is_some(),
            "{status:?}"
        );

        house.give(Order::Prepare(Box::new(submit(1)))).await;
        house.give(Order::Go(Ticket(1))).await;
        let (_, outcome) = house.answer().await;
        assert!(
            matches!(
                outcome,
                Outcome::Accepted {
                    reference: Some(_),
                    ..
                }
            ),
            "{outcome:?}"
        );
        assert!(matches!(house.event().await, ModemEvent::Report { .. }));
        house.stop().await;
    }

    #[tokio::test]
    async fn a_modem_pulled_out_comes_back_ready() {
        let folder = tempfile::tempdir().unwrap();
        let sim = simulation(folder.path(), Duration::from_millis(20));
        let mut control = modem_sim::client::Client::connect(sim.control()).unwrap();
        let mut house = House::start(&sim.ports()[0]);
        house.until(ModemState::Ready).await;

        control.unplug(0).unwrap();
        house.until(ModemState::Absent).await;
        let answered = house.prepare(1).await;
        assert!(matches!(answered, Outcome::NeverLeft(_)), "{answered:?}");

        control.plug(0).unwrap();
        house.until(ModemState::Ready).await;
        house.stop().await;
    }

    #[tokio::test]
    async fn a_modem_behind_a_device_server_is_used_like_any_other() {
        let (_sim, mut lines) = modem_sim::in_memory(Settings::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let device = format!("tcp://{}", listener.local_addr().unwrap());
        let mut line = lines.remove(0);
        let bridge = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            // Ends when the gateway closes its side.
            let _ = tokio::io::copy_bidirectional(&mut socket, &mut line).await;
        });
        let mut house = House::start(Path::new(&device));
        house.until(ModemState::Ready).await;
        house.give(Order::Prepare(Box::new(submit(1)))).await;
        house.give(Order::Go(Ticket(1))).await;
        let (_, outcome) = house.answer().await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        house.stop().await;
        bridge.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_runs_in_memory_as_on_a_port() {
        let (_sim, mut lines) = modem_sim::in_memory(Settings::default());
        let mut keeping = Keeping::new();
        let mut line = lines.remove(0);
        let (departure, events) = keeping
            .drive(&mut line, async |keeping| {
                keeping.send(1).await;
                vec![keeping.event().await]
            })
            .await;
        assert_eq!(departure, Departure::Stopped);
        let ModemEvent::Answer { outcome, .. } = &events[0] else {
            panic!("{events:?}");
        };
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_comes_after_the_port_was_lost_is_listened_for() {
        let network = NetworkSettings {
            latency: Duration::from_millis(1500),
            ..NetworkSettings::default()
        };
        let (sim, mut lines) = modem_sim::in_memory(Settings {
            network,
            ..Settings::default()
        });
        let mut keeping = Keeping::new();
        let mut line = lines.remove(0);
        let (departure, (mut line, event)) = keeping
            .drive(&mut line, async |keeping| {
                keeping.send(1).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                (sim.reopen(0).await.unwrap(), keeping.event().await)
            })
            .await;
        assert_eq!(departure, Departure::PortLost);
        let ModemEvent::Answer { outcome, .. } = event else {
            panic!("{event:?}");
        };
        assert!(matches!(outcome, Outcome::Uncertain(_)), "{outcome:?}");

        let (_, event) = keeping
            .drive(&mut line, async |keeping| keeping.event().await)
            .await;
        assert!(matches!(event, ModemEvent::LateReference(_)), "{event:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_recording_of_a_session_is_replayed_without_a_departure() {
        let (_sim, mut lines) = modem_sim::in_memory(Settings::default());
        let mut keeping = Keeping::new();
        let mut line = lines.remove(0);
        keeping
            .drive(&mut line, async |keeping| {
                keeping.send(1).await;
                keeping.event().await;
                // Its report.
                keeping.event().await;
            })
            .await;
        let (recording, _) = keeping.keeper.outlet.recording("a test");
        assert!(!recording.contains("13800138000"), "{recording}");
        let replayed = crate::modem::replay::replay(&recording, actor::now()).unwrap();
        assert_eq!(replayed.departures, 0, "{:#?}", replayed.lines);
        assert_eq!(replayed.state, ModemState::Ready);
        let said = |what: &str| replayed.lines.iter().any(|line| line.starts_with(what));
        assert!(
            said("! a part was accepted, reference "),
            "{:#?}",
            replayed.lines
        );
        assert!(said("! a status report"), "{:#?}", replayed.lines);
    }

    /// A keeper on a line in memory, and those it talks to.
    struct Keeping {
        keeper: Keeper,
        far: Far,
    }

    struct Far {
        orders: mpsc::Sender<Order>,
        events: mpsc::Receiver<FleetEvent>,
        view: watch::Receiver<FleetView>,
    }

    impl Far {
        /// Sends a part as soon as the modem is ready.
        async fn send(&mut self, ticket: i64) {
            let ready = self
                .view
                .wait_for(|view| view[0].state == ModemState::Ready);
            ready.await.unwrap();
            let prepare = Order::Prepare(Box::new(submit(ticket)));
            self.orders.send(prepare).await.unwrap();
            self.orders.send(Order::Go(Ticket(ticket))).await.unwrap();
        }

        async fn event(&mut self) -> ModemEvent {
            self.events.recv().await.unwrap().event
        }
    }

    impl Keeping {
        fn new() -> Self {
            let settings = settings(Path::new("memory"));
            let status = ModemStatus::absent(settings.name.clone(), String::new(), UnixMillis(0));
            let (sender, view) = watch::channel(Arc::from([status.clone()]));
            let (told, events) = mpsc::channel(16);
            let (orders, taken) = mpsc::channel(ORDERS_UNDER_WAY);
            let view_of_all = Arc::new(sender);
            let clock = Clock::new(|| UnixMillis(1));
            let outlet = Outlet::new(status, view_of_all, told, no_pins(), clock);
            let stop = CancellationToken::new();
            let keeper = Keeper::new(settings, taken, outlet, Roots::default(), stop);
            let far = Far {
                orders,
                events,
                view,
            };
            Self { keeper, far }
        }

        /// Runs a session until `meanwhile` is done, then stops it unless it has ended by itself.
        async fn drive<T>(
            &mut self,
            line: &mut tokio::io::DuplexStream,
            meanwhile: impl AsyncFnOnce(&mut Far) -> T,
        ) -> (Departure, T) {
            let stop = CancellationToken::new();
            self.keeper.stop = stop.clone();
            let far = &mut self.far;
            let watching = async move {
                let seen = meanwhile(far).await;
                stop.cancel();
                seen
            };
            tokio::join!(self.keeper.drive(line, Entry::Usual), watching)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_answers_nothing_is_recovering() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("modem0");
    let (_end, path) = pty();
    symlink(path, &device).unwrap();
    let mut house = House::start(&device);
    house.until(ModemState::Starting).await;
    let status = house.until(ModemState::Recovering).await;
    assert_eq!(
        status.last_error.as_deref(),
        Some("the modem does not answer: its port is opened anew")
    );
    // Twice the port, then its settings.
    let waited = house.view.wait_for(|view| view[0].recoveries[2] == 1).await;
    assert_eq!(waited.unwrap()[0].recoveries, [0, 2, 1, 0, 0, 0, 0]);
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_modem_climbs_the_ladder_to_quarantine_and_is_tried_again_when_somebody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("modem0");
    let (_end, path) = pty();
    symlink(path, &device).unwrap();
    let mut house = House::start_with(ModemSettings {
        recordings: Some(Recordings {
            folder: folder.path().join("recorder"),
            keep: 3,
        }),
        ..settings(&device)
    });
    let mut steps = Vec::new();
    while steps
        .last()
        .is_none_or(|(rung, _)| *rung != Rung::Quarantine)
    {
        if let ModemEvent::Recovery(step) = house.event().await {
            steps.push((step.rung, step.outcome));
        }
    }
    use RecoveryOutcome::{Begun, Unavailable};
    assert_eq!(
        steps,
        [
            (Rung::Reopen, Begun),
            (Rung::Reopen, Begun),
            (Rung::Reset, Begun),
            (Rung::Reset, Begun),
            (Rung::Radio, Begun),
            (Rung::Radio, Begun),
            (Rung::Restart, Begun),
            (Rung::Restart, Begun),
            (Rung::Usb, Unavailable),
            (Rung::Quarantine, Begun),
        ]
    );
    let status = house.until(ModemState::Quarantined).await;
    assert_eq!(status.recoveries, [0, 2, 2, 2, 2, 0, 1]);
    assert_eq!(
        status.last_error.as_deref(),
        Some("the modem does not answer: it is left alone, and tried again every 15 minutes")
    );
    let kept = std::fs::read_dir(folder.path().join("recorder/m1")).unwrap();
    assert!((1..=3).contains(&kept.count()));

    // Nobody has to wait for a quarter of an hour.
    let asked = actor::now();
    house.give(Order::Control(Control::Restart)).await;
    let ModemEvent::Recovery(step) = house.event().await else {
        panic!("no step of recovery");
    };
    assert_eq!((step.rung, step.outcome), (Rung::Restart, Begun));
    assert!(actor::now() - asked < Duration::from_secs(1));
    house.stop().await;
}

#[tokio::test]
async fn a_paused_modem_says_so_whatever_it_does_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("modem0");
    let mut house = House::start(&device);
    house.until(ModemState::Absent).await;
    house.give(Order::Control(Control::Pause)).await;
    house.until(ModemState::Paused).await;
    house.give(Order::Control(Control::Resume)).await;
    house.until(ModemState::Absent).await;
    house.stop().await;
}

/// One modem, and who waits for its news.
struct House {
    fleet: Fleet,
    handle: ModemHandle,
    events: mpsc::Receiver<FleetEvent>,
    view: watch::Receiver<FleetView>,
    stop: CancellationToken,
}

impl House {
    fn start(device: &Path) -> Self {
        Self::start_with(settings(device))
    }

    fn start_with(settings: ModemSettings) -> Self {
        let (events, told) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let (fleet, mut recruiter) = Fleet::found(
            events,
            no_pins(),
            Clock::new(|| UnixMillis(1)),
            Roots::default(),
            stop.clone(),
        );
        let handle = recruiter.take_on(settings);
        Self {
            view: fleet.view(),
            fleet,
            handle,
            events: told,
            stop,
        }
    }

    async fn until(&mut self, state: ModemState) -> ModemStatus {
        let view = self.view.wait_for(|view| view[0].state == state).await;
        view.unwrap()[0].clone()
    }

    async fn give(&self, order: Order) {
        self.handle.order(order).unwrap();
    }

    async fn event(&mut self) -> ModemEvent {
        self.events.recv().await.unwrap().event
    }

    async fn answer(&mut self) -> (Ticket, Outcome) {
        match self.event().await {
            ModemEvent::Answer { ticket, outcome } => (ticket, outcome),
            other => panic!("no answer: {other:?}"),
        }
    }

    async fn prepare(&mut self, ticket: i64) -> Outcome {
        self.give(Order::Prepare(Box::new(submit(ticket)))).await;
        self.answer().await.1
    }

    async fn stop(self) {
        self.stop.cancel();
        self.fleet.join().await;
    }
}

fn pty() -> (std::os::fd::OwnedFd, String) {
    let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&end).unwrap();
    unlockpt(&end).unwrap();
    let path = ptsname(&end, Vec::new()).unwrap();
    (end, path.into_string().unwrap())
}

fn settings(device: &Path) -> ModemSettings {
    ModemSettings {
        name: ModemName::parse("m1").unwrap(),
        device: device.to_owned(),
        seeking: None,
        left_alone: None,
        baud: 115_200,
        command_timeout: Duration::from_secs(5),
        send_timeout: Duration::from_secs(120),
        smsc: None,
        pin: None,
        storage: None,
        profiles: Profiles::built_in(),
        profile: None,
        known_profile: None,
        helped: None,
        recordings: None,
        listen_first: None,
        mean_send: Duration::from_millis(500),
        delete_from_sim: true,
        hang_up: false,
    }
}

fn submit(ticket: i64) -> Submit {
    Submit {
        ticket: Ticket(ticket),
        to: Destination::stored("+8613800138000").unwrap(),
        body: Body::parse("hello").unwrap(),
        encoding: Encoding::Auto,
        part: PartNumber(1),
        reference: Reference::Eight(1),
        request_report: true,
        validity: Duration::from_secs(3600),
        flash: false,
        made_of: None,
        message: crate::domain::MessageSeq(1),
    }
}

/// A house that remembers no PIN: none may be entered.
fn no_pins() -> PinMemory {
    PinMemory::new(|_| Box::pin(std::future::ready(false)))
}
