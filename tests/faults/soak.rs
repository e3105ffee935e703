//! Many texts both ways through eight modems that all get into trouble again and again, by chance from a seed.
//!
//! None is lost, none is doubled unannounced, and the process does not grow. `SOAK=100000` is the long form, `SEED`
//! another course of events, `MAKES=generic` other modems than one of each make. Of a text that comes in and is lost `target/tmp/soak.txt` says what happened around it.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use http::Method;
use modem_sim::{Fault, MobileText, NetworkSettings, PERSONALITIES, Settings};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock;
use crate::inquest::Inquest;
use crate::site::Site;

/// Texts in each direction and every other figure of it follow from this.
const USUAL_TEXTS: usize = 1_000;
const MODEMS: usize = 8;
/// Accepted and without an end yet, at most.
const UNDER_WAY: usize = 60;
/// On average so long from one fault of all modems to the next.
const CALM: Duration = Duration::from_secs(2);
const LONGEST_FAULT: u64 = 40;
/// What is under way at the end has so long: a modem that was given up is tried again after 15 minutes.
/// A report that has not come by then is taken for one that does not.
const REPORT_PATIENCE: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(3600);

/// What may befall a modem. A fault that needs a person ends like the others after a while.
const FAULTS: [&str; 35] = [
    "answer_late",
    "answer_lost",
    "answer_without_ok",
    "answer_without_reference",
    "announce_empty",
    "announcement",
    "answers_held_back",
    "boot",
    "cpms_lies",
    "echo",
    "empty_slot",
    "errors_in_words",
    "foreign_host",
    "fragments",
    "garbage",
    "line_ends",
    "no_reports",
    "prompt_late",
    "prompt_never",
    "random_fragments",
    "read_form",
    "reenumeration",
    "refuse",
    "refuse_at_random",
    "report_first",
    "report_national",
    "report_pending",
    "report_twice",
    "ring_during_send",
    "silence",
    "sim_absent",
    "split_lines",
    "storage_full",
    "undervoltage",
    "unregistered",
];

#[tokio::test(start_paused = true)]
async fn a_long_time_of_trouble_loses_no_text_and_doubles_none_unannounced() {
    let number = |name: &str, usual: u64| {
        let given = std::env::var(name).ok();
        given.map_or(usual, |given| given.parse().unwrap())
    };
    let texts = usize::try_from(number("SOAK", 2 * USUAL_TEXTS as u64)).unwrap() / 2;
    let seed = number("SEED", 1);
    let makes = match std::env::var("MAKES") {
        Ok(makes) => makes.split(',').map(str::to_owned).collect(),
        Err(_) => PERSONALITIES.iter().map(|&make| make.to_owned()).collect(),
    };
    let (outcome, problems) = Box::pin(clock::run(soak(texts, seed, makes))).await;
    let told = outcome + &problems;
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/soak.txt"), &told).unwrap();
    assert!(problems.is_empty(), "{told}");
    println!("{told}");
}

struct Soak {
    site: Site,
    rng: StdRng,
    texts: usize,
    submitted: usize,
    delivered: usize,
    /// The texts without an end yet: the number of each, its message, and when it was submitted.
    under_way: VecDeque<(usize, String, Instant)>,
    /// Sent, and their reports do not come: they have no end for days.
    unreported: Vec<(usize, String)>,
    /// Of each fault under way: its modem, and when it ends.
    troubles: Vec<(usize, Fault, Instant)>,
    next_trouble: Instant,
    faults: usize,
    counts: Counts,
    inquest: Inquest,
}

#[derive(Debug, Default)]
struct Counts {
    once: usize,
    announced_doubles: usize,
    named_unknown: usize,
    refused: usize,
}

/// What came of it, and what is wrong with that.
async fn soak(texts: usize, seed: u64, makes: Vec<String>) -> (String, String) {
    let settings = Settings {
        modems: MODEMS,
        seed,
        personalities: makes.clone(),
        network: NetworkSettings {
            latency: Duration::from_millis(100),
            report_after: Duration::from_millis(300),
            ..NetworkSettings::default()
        },
        ..Settings::default()
    };
    let mut site = Site::build(settings).await;
    site.open().await;
    let mut soak = Soak {
        site,
        rng: StdRng::seed_from_u64(seed),
        texts,
        submitted: 0,
        delivered: 0,
        under_way: VecDeque::new(),
        unreported: Vec::new(),
        troubles: Vec::new(),
        next_trouble: Instant::now(),
        faults: 0,
        counts: Counts::default(),
        inquest: Inquest::new(MODEMS),
    };
    let (begun, began) = (Instant::now(), std::time::Instant::now());
    let mut resident = Vec::new();
    while soak.submitted < texts || soak.delivered < texts {
        soak.submit().await;
        soak.write_to_us().await;
        soak.trouble().await;
        soak.reap().await;
        soak.trouble().await;
        soak.inquest.look(&soak.site).await;
        if soak.submitted * 4 / texts > resident.len() {
            resident.push(resident_kib());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    soak.calm_down().await;
    soak.finish().await;
    resident.push(resident_kib());
    let (inbox, problems) = soak.judge_inbox().await;
    soak.site.close().await;
    let Counts {
        once,
        announced_doubles,
        named_unknown,
        refused,
    } = soak.counts;
    let outcome = format!(
        "soak, seed {seed}: {texts} texts out and {inbox} in, {MODEMS} modems ({}), {} faults, {} s of their time in {} s\n\
         out: {once} once, {announced_doubles} doubled and said so, {named_unknown} named unknown, {refused} refused; 0 lost\n\
         in: {inbox} once; {} lost\n\
         resident after each quarter of the texts and at the end, in KiB: {resident:?}\n",
        makes.join(", "),
        soak.faults,
        (Instant::now() - begun).as_secs(),
        began.elapsed().as_secs(),
        texts - inbox,
    );
    (outcome, problems)
}

impl Soak {
    async fn submit(&mut self) {
        while self.submitted < self.texts && self.under_way.len() < UNDER_WAY {
            let n = self.submitted;
            let asked = json!({"to": number(n), "text": text(n)});
            let message = self.site.call(Method::POST, "/v1/messages", Some(asked));
            let message = message.await;
            let id = message["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{message}"));
            self.under_way.push_back((n, id.to_owned(), Instant::now()));
            self.submitted += 1;
        }
    }

    /// People write to our SIMs, as often as we write to them.
    async fn write_to_us(&mut self) {
        while self.delivered < self.texts.min(self.submitted) {
            let modem = self.rng.random_range(0..MODEMS);
            let count = self
                .rng
                .random_range(1..=10)
                .min(self.texts - self.delivered);
            let texts = (self.delivered..self.delivered + count)
                .map(|n| MobileText::new(&writer(n), &text(n)))
                .collect();
            self.site.sim.deliver(modem, texts).await.unwrap();
            (0..count).for_each(|_| self.inquest.note_text(modem));
            self.delivered += count;
        }
    }

    async fn trouble(&mut self) {
        let now = Instant::now();
        let (over, going): (Vec<_>, Vec<_>) =
            self.troubles.drain(..).partition(|(_, _, end)| *end <= now);
        self.troubles = going;
        for (modem, fault, _) in over {
            self.end(modem, &fault).await;
        }
        while self.next_trouble <= now {
            self.next_trouble += CALM.mul_f64(self.rng.random_range(0.0..2.0));
            self.begin_trouble(now).await;
        }
    }

    async fn begin_trouble(&mut self, now: Instant) {
        let modem = self.rng.random_range(0..MODEMS);
        let name = FAULTS[self.rng.random_range(0..FAULTS.len())];
        let lasts = Duration::from_secs(self.rng.random_range(1..=LONGEST_FAULT));
        if self
            .troubles
            .iter()
            .any(|(troubled, ..)| *troubled == modem)
        {
            return;
        }
        let listed = Fault::CATALOGUE.iter().find(|one| one.name == name);
        let fault = listed.unwrap().example().unwrap();
        // A modem whose port is gone at this moment cannot be told anything.
        if self.site.sim.fault(modem, fault.clone()).await.is_ok() {
            self.faults += 1;
            self.inquest.note_trouble(modem, format!("# {name} begins"));
            self.troubles.push((modem, fault, now + lasts));
        }
    }

    async fn end(&mut self, modem: usize, fault: &Fault) {
        self.inquest.note_trouble(modem, format!("# {fault} ends"));
        let _ = self.site.sim.fault(modem, Fault::Clear).await;
        if matches!(fault, Fault::SimAbsent { .. }) {
            let back = Fault::SimAbsent { on: false };
            self.site.sim.fault(modem, back).await.unwrap();
        }
    }

    async fn calm_down(&mut self) {
        for (modem, fault, _) in std::mem::take(&mut self.troubles) {
            self.end(modem, &fault).await;
        }
    }

    /// Takes the texts that have an end off the list, and compares what is said of each with what its phone got.
    async fn reap(&mut self) {
        for _ in 0..self.under_way.len() {
            let Some((n, id, since)) = self.under_way.pop_front() else {
                return;
            };
            let message = self.site.message(&id).await;
            let is_sent = matches!(message["status"].as_str(), Some("sent" | "unknown"));
            if message["final"] == true {
                self.judge(n, &message).await;
            } else if is_sent && since.elapsed() > REPORT_PATIENCE {
                self.unreported.push((n, id));
            } else {
                self.under_way.push_back((n, id, since));
            }
        }
    }

    async fn finish(&mut self) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && !self.under_way.is_empty() {
            self.reap().await;
            self.inquest.look(&self.site).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let left = self.under_way.drain(..).map(|(n, id, _)| (n, id));
        let left: Vec<_> = left.collect();
        for (n, id) in std::mem::take(&mut self.unreported).into_iter().chain(left) {
            let message = self.site.message(&id).await;
            self.judge(n, &message).await;
        }
    }

    async fn judge(&mut self, n: usize, message: &Value) {
        let status = message["status"].as_str().unwrap_or_default();
        let times = self.site.sim.times(&number(n), &text(n)).await.unwrap();
        let is_announced = message["may_be_duplicate"] == true;
        match (status, times) {
            ("sent" | "delivered", 1) => self.counts.once += 1,
            ("sent" | "delivered", 2..) if is_announced => self.counts.announced_doubles += 1,
            ("unknown", _) => self.counts.named_unknown += 1,
            ("failed", 0) => self.counts.refused += 1,
            _ => panic!("text {n} came {times} times: {message}"),
        }
    }

    /// Every text that somebody wrote is in the inbox, and once. Answers how many are, and what is wrong.
    async fn judge_inbox(&mut self) -> (usize, String) {
        let until = Instant::now() + PATIENCE;
        let inbox = loop {
            self.inquest.look(&self.site).await;
            let found = self.inbox().await;
            let different = found.iter().collect::<HashSet<_>>().len();
            if different >= self.delivered || Instant::now() > until {
                break found;
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        };
        let different = inbox.iter().collect::<HashSet<_>>().len();
        (different, self.inquest.verdict(&self.site, &inbox))
    }

    async fn inbox(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let mut path = "/v1/inbox?limit=200".to_owned();
        loop {
            let page = self.site.call(Method::GET, &path, None).await;
            for entry in page["data"].as_array().unwrap_or_else(|| panic!("{page}")) {
                texts.push(entry["text"].as_str().unwrap().to_owned());
            }
            let Some(cursor) = page["next_cursor"].as_str() else {
                return texts;
            };
            path = format!("/v1/inbox?limit=200&cursor={cursor}");
        }
    }
}

fn number(n: usize) -> String {
    format!("+861380{:07}", n % 5_000)
}

fn writer(n: usize) -> String {
    format!("+861370{:07}", n % 100)
}

fn text(n: usize) -> String {
    format!("text {n}")
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    figure
        .and_then(|figure| figure.parse().ok())
        .unwrap_or_default()
}
