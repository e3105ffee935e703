//! SIGKILL while requests to a provider are on their way: at each start what may have left is asked about, and in the end
//! the provider has each text once.

use std::time::{Duration, Instant};

use cloud_sim::{Fault, Order, Provider};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::daemon::{Daemon, Site};

const KILLS: usize = 6;
const PER_LIFE: usize = 8;
/// Half a minute until the provider surely shows what it has, twice over.
const PATIENCE: Duration = Duration::from_secs(100);

#[test]
fn whatever_a_kill_interrupts_the_provider_is_given_each_text_once() {
    let site = Site::new(1, Duration::from_millis(15));
    let cloud = cloud_sim::start(cloud_sim::Settings {
        report_after: Duration::from_millis(50),
        ..cloud_sim::Settings::default()
    })
    .unwrap();
    let kit = cloud
        .kits()
        .into_iter()
        .find(|kit| kit.provider == Provider::Twilio)
        .unwrap();
    write_config(&site, &kit);
    // Long enough for a kill to find some of them between the request and its answer.
    cloud.order(Order::always(Fault::Slow { ms: 120 }));
    cloud.order(Order::always(Fault::ReportWithheld));

    let mut chance = StdRng::seed_from_u64(7);
    let mut ids = Vec::new();
    for life in 0..KILLS {
        let daemon = site.serve();
        let key = site.key();
        for number in 0..PER_LIFE {
            let to = format!("+86138{:08}", life * 100 + number);
            let body = json!({ "to": to, "text": "once" }).to_string();
            let reply = daemon.ask("POST", "/v1/messages", &key, &body);
            assert_eq!(reply.status, 202, "{}", reply.body);
            ids.push((reply.body["id"].as_str().unwrap().to_owned(), to));
        }
        std::thread::sleep(Duration::from_millis(chance.random_range(0..400)));
        daemon.kill();
    }

    let daemon = site.serve();
    let key = site.key();
    let mut asked_about = 0;
    let began = Instant::now();
    for (id, to) in &ids {
        until_it_left(&daemon, id, &key, began);
        let kinds: Vec<String> = daemon
            .events(id, &key)
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect();
        asked_about += usize::from(kinds.contains(&"uncertain".to_owned()));
        assert_eq!(cloud.texts_to(to).len(), 1, "{to}: {kinds:?}");
        let message = daemon.message(id, &key);
        assert_eq!(message["may_be_duplicate"], false, "{to}: {kinds:?}");
    }
    println!(
        "{} texts, {KILLS} kills, {asked_about} were asked about",
        ids.len()
    );
    assert!(asked_about > 0, "no kill found a request on its way");
}

fn until_it_left(daemon: &Daemon, id: &str, key: &str, began: Instant) {
    loop {
        let message = daemon.message(id, key);
        if ["sent", "delivered"].contains(&message["status"].as_str().unwrap()) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{message}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The provider alone: no modem may take a text.
fn write_config(site: &Site, kit: &cloud_sim::Kit) {
    use std::os::unix::fs::PermissionsExt;

    let config = std::fs::read_to_string(site.config()).unwrap();
    let limits: String = config
        .lines()
        .take_while(|line| !line.starts_with("[modem"))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = format!("{limits}\n{}timeout = 5\nconcurrency = 4\n", kit.section);
    std::fs::write(site.config(), text).unwrap();
    for (name, value) in &kit.files {
        let path = site.config().with_file_name(name);
        std::fs::write(&path, value).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
