//! `cellpost doctor` and `cellpost modem probe` on machines that are built for it: trees of sysfs, `/dev` and `/proc` over
//! the ports of simulated modems.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use modem_sim::client::Client;
use modem_sim::{Fault, Settings, Sim};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::daemon::{BINARY, Daemon, text, until};

/// As `src/usb` has them.
pub(crate) struct Roots {
    pub(crate) sys: PathBuf,
    pub(crate) dev: PathBuf,
    pub(crate) proc: PathBuf,
}

#[path = "../../src/usb/tree.rs"]
mod tree;

use tree::{Plug, Tree};

const QUECTEL: Plug<'_> = Plug {
    place: "1-1.4",
    id: "2c7c:0125",
    maker: "Quectel",
    product: "EC25-E",
    interfaces: &[
        (0, "ff/ff/ff", "ttyUSB0"),
        (1, "ff/00/00", "ttyUSB1"),
        (2, "ff/00/00", "ttyUSB2"),
        (3, "ff/00/00", "ttyUSB3"),
    ],
};

const ADAPTER: Plug<'_> = Plug {
    place: "1-1.2",
    id: "1a86:7523",
    maker: "QinHeng",
    product: "USB Serial",
    interfaces: &[(0, "ff/01/02", "ttyUSB2")],
};

/// A machine, and what lives in it.
struct Machine {
    tree: Tree,
    sim: Option<Sim>,
    config: String,
    /// Seconds.
    patience: u32,
    daemon: Option<Daemon>,
    children: Vec<Child>,
    listener: Option<TcpListener>,
    masters: Vec<OwnedFd>,
    feeding: Arc<AtomicBool>,
}

impl Machine {
    fn new() -> Self {
        let tree = Tree::new();
        let machine = Self {
            tree,
            sim: None,
            config: "[server]\nlisten = [\"127.0.0.1:0\"]\n".to_owned(),
            patience: 300,
            daemon: None,
            children: Vec::new(),
            listener: None,
            masters: Vec::new(),
            feeding: Arc::new(AtomicBool::new(true)),
        };
        for folder in ["etc", "data"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        fs::create_dir_all(machine.tree.roots().dev.join("serial/by-id")).unwrap();
        machine.write(
            "etc/passwd",
            "root:x:0:0::/:/bin/sh\nsms:x:65534:65534::/:/bin/sh\n",
        );
        machine.write("etc/group", "root:x:0:\ntty:x:5:\ndialout:x:20:sms\n");
        machine
    }

    fn root(&self) -> PathBuf {
        self.tree.roots().sys.parent().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A simulated modem at the tty `ttyUSB2`, and its stable name.
    fn modem(&mut self, personality: &str) {
        let settings = Settings {
            personalities: vec![personality.to_owned()],
            ..Settings::default()
        };
        let sim = modem_sim::start(&self.path("sim"), settings).unwrap();
        self.tree.node("ttyUSB2", &sim.ports()[0]);
        symlink("../../ttyUSB2", self.path("dev/serial/by-id/stick")).unwrap();
        self.sim = Some(sim);
    }

    /// The same, plugged in and named by a section.
    fn usual(&mut self) {
        self.modem("quectel-ec25");
        self.tree.plug(&QUECTEL);
        self.section("m1", "dev/serial/by-id/stick", "");
    }

    fn section(&mut self, name: &str, device: &str, more: &str) {
        let device = match device.starts_with("tcp://") {
            true => device.to_owned(),
            false => self.path(device).display().to_string(),
        };
        self.config += &format!("[modem.{name}]\ndevice = \"{device}\"\n{more}\n");
    }

    fn control(&self) -> Client {
        Client::connect(self.sim.as_ref().unwrap().control()).unwrap()
    }

    fn fault(&self, fault: &str) {
        let fault: Fault = serde_json::from_str(fault).unwrap();
        self.control().fault(0, &fault).unwrap();
    }

    /// A pty of nobody's, at this tty.
    fn pty(&mut self, tty: &str) -> PathBuf {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&end).unwrap();
        unlockpt(&end).unwrap();
        let path: PathBuf = ptsname(&end, Vec::new())
            .unwrap()
            .into_string()
            .unwrap()
            .into();
        self.tree.node(tty, &path);
        self.masters.push(end);
        path
    }

    fn arguments(&self, command: &[&str]) -> Command {
        fs::write(self.path("cellpost.toml"), &self.config).unwrap();
        let mut arguments = Command::new(BINARY);
        arguments
            .args(command)
            .arg("--config")
            .arg(self.path("cellpost.toml"))
            .arg("--data-dir")
            .arg(self.path("data"));
        arguments
    }

    fn run(&self, command: &[&str]) -> Output {
        let mut arguments = self.arguments(command);
        arguments
            .arg("--root")
            .arg(self.root())
            .args(["--patience", &self.patience.to_string()]);
        arguments.output().unwrap()
    }

    fn serve(&mut self) {
        self.daemon = Some(Daemon::start(&mut self.arguments(&["serve"])));
    }

    fn key(&self) -> String {
        let key = fs::read_to_string(self.path("data/admin.key")).unwrap();
        key.trim().to_owned()
    }

    /// Waits until the gateway says so of its first modem.
    fn becomes(&self, state: &str) {
        let key = self.key();
        until(state, || {
            let reply = self
                .daemon
                .as_ref()
                .unwrap()
                .ask("GET", "/v1/modems", &key, "");
            (reply.body["data"][0]["state"] == state).then_some(())
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.feeding.store(false, Ordering::Relaxed);
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What the doctor found: a line of JSON for each.
fn findings(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// In the place of the usual stick: the interface that takes AT carries `ttyUSB2`.
fn stick_of(personality: &str) -> (&'static str, &'static [(u8, &'static str, &'static str)]) {
    match personality {
        "huawei-e-series" => (
            "12d1:1001",
            &[(0, "ff/ff/ff", "ttyUSB0"), (2, "ff/ff/ff", "ttyUSB2")],
        ),
        "huawei-e3372" => (
            "12d1:1506",
            &[(0, "ff/02/01", "ttyUSB0"), (1, "ff/02/02", "ttyUSB2")],
        ),
        "quectel-ec25" => ("2c7c:0125", QUECTEL.interfaces),
        "simcom-sim7600" => ("1e0e:9001", QUECTEL.interfaces),
        "zte" => (
            "19d2:0031",
            &[(1, "ff/ff/ff", "ttyUSB1"), (3, "ff/ff/ff", "ttyUSB2")],
        ),
        // They hang on a serial adapter.
        _ => (ADAPTER.id, ADAPTER.interfaces),
    }
}

#[test]
fn of_a_healthy_modem_of_each_personality_nothing_is_found() {
    each(
        "doctor-healthy.txt",
        modem_sim::PERSONALITIES,
        |personality| {
            let mut machine = Machine::new();
            machine.modem(personality);
            let (id, interfaces) = stick_of(personality);
            machine.tree.plug(&Plug {
                id,
                interfaces,
                ..QUECTEL
            });
            machine.section("m1", "dev/serial/by-id/stick", "");
            let output = machine.run(&["doctor", "--json"]);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert_eq!(
                (output.status.code(), said.as_str()),
                (Some(0), ""),
                "{personality}"
            );
            format!("{personality:20} nothing")
        },
    );
}

/// A name, what is found, and how it is built.
type Case = (&'static str, &'static str, fn(&mut Machine));

const CASES: &[Case] = &[
    ("no SIM", "sim_absent", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"sim_absent"}"#);
    }),
    ("a SIM that fails", "sim_absent", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"sim_failure","for_ms":3600000}"#);
    }),
    ("a SIM with a PIN", "sim_wants_pin", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"sim_lock","pin":"1234"}"#);
    }),
    ("a SIM that wants its PUK", "sim_wants_puk", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"sim_lock","pin":"1234","pin_tries":0}"#);
    }),
    ("a wrong PIN in pin_file", "pin_refused", |machine| {
        machine.modem("quectel-ec25");
        machine.tree.plug(&QUECTEL);
        machine.section("m1", "dev/serial/by-id/stick", "pin_file = \"sim.pin\"");
        machine.write("sim.pin", "9999\n");
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(machine.path("sim.pin"), private).unwrap();
        machine.fault(r#"{"kind":"sim_lock","pin":"1234"}"#);
        machine.serve();
        machine.becomes("pin_required");
    }),
    ("no service centre", "no_service_centre", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"no_service_centre"}"#);
    }),
    ("a modem that says nothing", "modem_silent", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"silence"}"#);
    }),
    (
        "a SIM that the network refuses",
        "network_denied",
        |machine| {
            machine.usual();
            machine.fault(r#"{"kind":"registration","state":3}"#);
        },
    ),
    ("no network in sight", "network_searching", |machine| {
        machine.usual();
        machine.patience = 30;
        machine.fault(r#"{"kind":"registration","state":2}"#);
    }),
    ("a weak signal", "signal_weak", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"signal","rssi":2}"#);
    }),
    ("a full memory for texts", "storage_full", |machine| {
        machine.modem("quectel-ec25");
        machine.tree.plug(&QUECTEL);
        machine.section("m1", "dev/serial/by-id/stick", "storage = \"SM\"");
        machine.fault(r#"{"kind":"storage_full"}"#);
    }),
    ("no announcements", "texts_unannounced", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"cnmi_refuses","mode":[0,1,2,3]}"#);
    }),
    ("no PDU mode", "modem_unfit", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"sms_not_ready","for_ms":3600000}"#);
    }),
    (
        "an unknown model with ways of its own",
        "profile_generic",
        |machine| {
            machine.modem("generic");
            machine.tree.plug(&ADAPTER);
            machine.section("m1", "dev/serial/by-id/stick", "");
            machine.fault(r#"{"kind":"cnmi_refuses","mode":[2]}"#);
        },
    ),
    ("a quota that is used up", "quota_used_up", |machine| {
        machine.modem("quectel-ec25");
        machine.tree.plug(&QUECTEL);
        machine.section("m1", "dev/serial/by-id/stick", "day_quota = 1");
        machine.serve();
        machine.becomes("ready");
        let key = machine.key();
        let body = r#"{"to":"+8613800138000","text":"hello"}"#;
        let daemon = machine.daemon.as_ref().unwrap();
        let reply = daemon.ask("POST", "/v1/messages", &key, body);
        daemon.becomes_one_of(
            reply.body["id"].as_str().unwrap(),
            &key,
            &["sent", "delivered"],
        );
    }),
    ("a modem that was pulled", "port_absent", |machine| {
        machine.modem("quectel-ec25");
        machine.section("m1", "dev/serial/by-id/stick", "");
        machine.serve();
        machine.becomes("ready");
        machine.control().unplug(0).unwrap();
        machine.becomes("absent");
    }),
    ("a port of another number", "port_absent", |machine| {
        machine.modem("quectel-ec25");
        machine.tree.plug(&QUECTEL);
        machine.section("m1", "dev/ttyUSB7", "");
    }),
    ("a device that is a file", "port_not_a_tty", |machine| {
        machine.write("dev/modem", "");
        machine.section("m1", "dev/modem", "");
    }),
    ("a port without permission", "port_forbidden", |machine| {
        machine.usual();
        let port = fs::canonicalize(machine.path("dev/ttyUSB2")).unwrap();
        match rustix::process::geteuid().is_root() {
            true => chown(machine.path("data"), Some(65534), Some(65534)).unwrap(),
            false => fs::set_permissions(&port, fs::Permissions::from_mode(0o000)).unwrap(),
        }
    }),
    ("a port that gammu-smsd holds", "port_busy", |machine| {
        machine.usual();
        let port = machine.path("dev/ttyUSB2");
        machine.tree.process(812, "gammu-smsd", &[&port]);
    }),
    ("a port that a real program holds", "port_busy", |machine| {
        machine.tree.plug(&QUECTEL);
        // Its slave end is open to nobody, while a simulated modem holds its own.
        machine.pty("ttyUSB2");
        symlink("../../ttyUSB2", machine.path("dev/serial/by-id/stick")).unwrap();
        machine.section("m1", "dev/serial/by-id/stick", "");
        let proc = machine.tree.roots().proc;
        fs::remove_dir(&proc).unwrap();
        symlink("/proc", proc).unwrap();
        let port = fs::File::open(machine.path("dev/ttyUSB2")).unwrap();
        let sleeping = Command::new("sleep").arg("3600").stdin(port).spawn();
        machine.children.push(sleeping.unwrap());
    }),
    ("a port that is locked", "port_busy", |machine| {
        machine.usual();
        machine.fault(r#"{"kind":"port_busy"}"#);
    }),
    ("ModemManager", "modem_manager", |machine| {
        machine.usual();
        machine.tree.process(40, "ModemManager", &[]);
    }),
    ("brltty beside an adapter", "brltty", |machine| {
        machine.modem("simcom-sim800");
        machine.tree.plug(&ADAPTER);
        machine.section("m1", "dev/serial/by-id/stick", "");
        machine.tree.process(41, "brltty", &[]);
    }),
    (
        "a stick that is still a disk",
        "stick_is_a_disk",
        |machine| {
            machine.tree.plug(&Plug {
                id: "12d1:1f01",
                interfaces: &[(0, "08/06/50", "")],
                ..QUECTEL
            });
        },
    ),
    ("a HiLink stick", "stick_is_a_network_card", |machine| {
        machine.tree.plug(&Plug {
            id: "12d1:14dc",
            interfaces: &[(0, "02/06/00", ""), (1, "0a/06/00", "")],
            ..QUECTEL
        });
    }),
    (
        "an adapter and nothing else",
        "adapter_unnamed",
        |machine| {
            machine.tree.plug(&ADAPTER);
            machine.pty("ttyUSB2");
        },
    ),
    (
        "a product that is not in the table",
        "model_unknown",
        |machine| {
            machine.tree.plug(&Plug {
                id: "2c7c:7fff",
                ..QUECTEL
            });
        },
    ),
    (
        "a section that names the port for positions",
        "port_is_no_at_port",
        |machine| {
            machine.tree.plug(&QUECTEL);
            machine.pty("ttyUSB1");
            symlink("../../ttyUSB1", machine.path("dev/serial/by-id/stick")).unwrap();
            machine.section("m1", "dev/serial/by-id/stick", "");
        },
    ),
    (
        "a GPS receiver on an adapter",
        "port_is_no_at_port",
        |machine| {
            machine.tree.plug(&ADAPTER);
            machine.pty("ttyUSB2");
            symlink("../../ttyUSB2", machine.path("dev/serial/by-id/stick")).unwrap();
            machine.section("m1", "dev/serial/by-id/stick", "");
            let master = machine.masters.pop().unwrap();
            let feeding = Arc::clone(&machine.feeding);
            std::thread::spawn(move || {
                let mut receiver = fs::File::from(master);
                while feeding.load(Ordering::Relaxed) {
                    // Nobody may have it open yet.
                    let _ = receiver.write(b"$GPGGA,,,,,,0,00,99.99,,,,,,*48\r\n");
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
            });
        },
    ),
    ("two sections for one stick", "one_stick_twice", |machine| {
        machine.usual();
        machine.pty("ttyUSB3");
        symlink("../../ttyUSB3", machine.path("dev/serial/by-id/stick-3")).unwrap();
        machine.section("m2", "dev/serial/by-id/stick-3", "");
    }),
    (
        "a second stick that no section names",
        "stick_unused",
        |machine| {
            machine.usual();
            machine.tree.plug(&Plug {
                place: "1-1.3",
                interfaces: &[(2, "ff/00/00", "ttyUSB6")],
                ..QUECTEL
            });
        },
    ),
    (
        "a path that changes with the order",
        "port_will_move",
        |machine| {
            machine.modem("quectel-ec25");
            machine.tree.plug(&QUECTEL);
            machine.section("m1", "dev/ttyUSB2", "");
        },
    ),
    ("nothing plugged in", "no_modem", |_| {}),
    (
        "a device server that is off",
        "port_unreachable",
        |machine| {
            // Free a moment ago.
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = taken.local_addr().unwrap();
            machine.section("m1", &format!("tcp://{address}"), "");
        },
    ),
    ("autosuspend", "autosuspend", |machine| {
        machine.usual();
        machine.write("sys/bus/usb/devices/1-1.4/power/control", "auto\n");
    }),
    ("too little voltage", "under_voltage", |machine| {
        machine.usual();
        machine.write(
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50005\n",
        );
    }),
    (
        "a service without devices",
        "service_without_devices",
        |machine| {
            machine.usual();
            machine.write(
                "etc/systemd/system/cellpost.service",
                "[Service]\nPrivateDevices=yes\n",
            );
        },
    ),
    (
        "a service without ports",
        "service_without_ports",
        |machine| {
            machine.usual();
            machine.write(
                "lib/systemd/system/cellpost.service",
                "[Service]\nDevicePolicy=closed\n",
            );
        },
    ),
    ("an address that is taken", "address_taken", |machine| {
        machine.usual();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        machine.config = machine.config.replace("127.0.0.1:0", &address);
        machine.listener = Some(listener);
    }),
    ("a database that was cut", "database_damaged", |machine| {
        machine.usual();
        let mut page = vec![0; 4096];
        page[..16].copy_from_slice(b"SQLite format 3\0");
        page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
        page[28..32].copy_from_slice(&10_u32.to_be_bytes());
        fs::write(machine.path("data/cellpost.db"), page).unwrap();
    }),
];

#[test]
fn each_set_up_that_is_broken_is_named_by_its_cause() {
    let causes: std::collections::BTreeSet<&str> = CASES.iter().map(|(_, code, _)| *code).collect();
    assert!(causes.len() >= 25, "{causes:?}");
    each("doctor.txt", CASES, |(name, code, build)| {
        let mut machine = Machine::new();
        build(&mut machine);
        let output = machine.run(&["doctor", "--json"]);
        let found = findings(&output);
        let codes: Vec<&str> = found
            .iter()
            .filter_map(|one| one["code"].as_str())
            .collect();
        let all = || format!("{name}: {found:?}\n{}", text(&output.stderr));
        assert_eq!(codes, [*code], "{}", all());
        let is_advice = found[0]["severity"] == "advice";
        assert_eq!(
            output.status.code(),
            Some(i32::from(!is_advice)),
            "{}",
            all()
        );
        let remedy = found[0]["remedy"].as_str().unwrap().lines().next().unwrap();
        format!(
            "{name:44} {code:24} {}\n{:70}→ {remedy}",
            found[0]["what"].as_str().unwrap(),
            ""
        )
    });
}

#[test]
fn what_a_person_has_mended_is_found_no_more() {
    let mut machine = Machine::new();
    machine.usual();
    machine.tree.process(40, "ModemManager", &[]);
    machine.write(
        "etc/udev/rules.d/99-cellpost-modems.rules",
        "ATTR{idVendor}==\"2c7c\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"\n",
    );
    machine.write(
        "lib/systemd/system/cellpost.service",
        "[Service]\nPrivateDevices=yes\nDevicePolicy=closed\n",
    );
    machine.write(
        "etc/systemd/system/cellpost.service.d/modems.conf",
        "[Service]\nPrivateDevices=no\nDeviceAllow=char-ttyUSB rw\n",
    );
    machine.write("sys/bus/usb/devices/1-1.4/power/control", "on\n");
    if rustix::process::geteuid().is_root() {
        // The gateway's user is in dialout, and the port is dialout's.
        chown(machine.path("data"), Some(65534), Some(65534)).unwrap();
        let port = fs::canonicalize(machine.path("dev/ttyUSB2")).unwrap();
        chown(&port, None, Some(20)).unwrap();
        fs::set_permissions(&port, fs::Permissions::from_mode(0o660)).unwrap();
    }
    let output = machine.run(&["doctor", "--json"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}

/// All of them, four at a time; what each says is printed as a table in their order.
fn each<T: Sync>(name: &str, items: &[T], run: impl Fn(&T) -> String + Sync) {
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(vec![String::new(); items.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, item)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    items.get(at).map(|item| (at, item))
                } {
                    let row = run(item);
                    rows.lock().unwrap()[at] = row;
                }
            });
        }
    });
    let table = rows.into_inner().unwrap().join("\n");
    println!("{table}");
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(file, table + "\n").unwrap();
}

#[test]
fn a_probe_says_who_is_at_the_ports_and_hides_their_numbers() {
    let mut machine = Machine::new();
    machine.modem("quectel-ec25");
    machine.tree.plug(&QUECTEL);
    let output = machine.run(&["modem", "probe", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(
        (&found["state"], &found["profile"]),
        (&"ready".into(), &"quectel-ec25".into())
    );
    assert_eq!(found["usb"]["place"], "1-1.4");
    assert!(found["port"].as_str().unwrap().ends_with("/dev/ttyUSB2"));
    for number in ["imei", "iccid"] {
        let number = found[number].as_str().unwrap();
        assert!(number.len() >= 15 && number.contains("****"), "{number}");
    }
    let output = machine.run(&["modem", "probe"]);
    let said = text(&output.stdout);
    assert!(said.contains("state     ready"), "{said}");
    assert!(
        said.contains("Quectel EC25-E (2c7c:0125) at USB port 1-1.4"),
        "{said}"
    );
}

#[test]
fn an_adapter_is_probed_only_when_its_port_is_named() {
    let mut machine = Machine::new();
    machine.modem("simcom-sim800");
    machine.tree.plug(&ADAPTER);
    let output = machine.run(&["modem", "probe"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("--port"),
        "{}",
        text(&output.stderr)
    );
    let port = machine.path("dev/ttyUSB2");
    let output = machine.run(&["modem", "probe", "--port", port.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(
        (&found["state"], &found["profile"]),
        (&"ready".into(), &"simcom-sim800".into())
    );
}

#[test]
fn a_port_of_a_running_gateway_is_not_probed_and_its_doctor_finds_nothing() {
    let mut machine = Machine::new();
    machine.usual();
    machine.serve();
    machine.becomes("ready");
    let port = machine.path("dev/ttyUSB2");
    let named = ["modem", "probe", "--port", port.to_str().unwrap()];
    let unnamed = ["modem", "probe"];
    for command in [&named[..], &unnamed[..]] {
        let output = machine.run(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("the running gateway has it open as modem m1"),
            "{said}"
        );
    }
    let output = machine.run(&["modem", "doctor", "--json"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn wrong_usage_of_the_doctor_is_told_from_what_it_finds() {
    let machine = Machine::new();
    let output = machine.run(&["doctor", "--patience", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    let output = machine.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(
        said.starts_with("problem  USB: no modem is plugged in"),
        "{said}"
    );
}
