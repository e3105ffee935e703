//! Whether each text that comes in is in the inbox before it goes from its SIM, and once; of one that is not, what
//! happened.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use cellpost::domain::UnixMillis;
use http::Method;
use modem_sim::{Befell, Note};
use pdu_codec::{Deliver, Envelope};

use crate::clock;
use crate::site::Site;

pub(crate) struct Inquest {
    /// To which modem each text was sent, by the text's number.
    sent_to: Vec<usize>,
    /// By what each is known in the inbox, as far as was looked: a digest of its id.
    arrived: Vec<Option<u64>>,
    modems: Vec<History>,
    /// Gone from their SIMs and not in the inbox.
    lost: HashSet<usize>,
    doubled: HashSet<usize>,
    reports: Vec<String>,
}

/// What befell one modem lately.
#[derive(Default)]
struct History {
    notes: u64,
    said: VecDeque<(UnixMillis, String)>,
}

const MOST_SAID: usize = 100;
/// Of so many lost texts everything is told.
const MOST_REPORTS: usize = 10;
/// The last before a text was missed.
const MOST_LINES: usize = 150;
const PAGE: usize = 25;

impl Inquest {
    pub(crate) fn new(modems: usize) -> Self {
        Self {
            sent_to: Vec::new(),
            arrived: Vec::new(),
            modems: (0..modems).map(|_| History::default()).collect(),
            lost: HashSet::new(),
            doubled: HashSet::new(),
            reports: Vec::new(),
        }
    }

    /// The next text goes to this modem.
    pub(crate) fn note_text(&mut self, modem: usize) {
        self.sent_to.push(modem);
        self.arrived.push(None);
    }

    pub(crate) fn note_trouble(&mut self, modem: usize, what: String) {
        self.modems[modem].say(clock::now(), what);
    }

    /// Looks at what was deleted since the last look.
    pub(crate) async fn look(&mut self, site: &Site) {
        let mut gone = Vec::new();
        for modem in 0..self.modems.len() {
            let from = self.modems[modem].notes;
            let (notes, next) = site.sim.slots(modem, from).await.unwrap();
            self.modems[modem].notes = next;
            for note in notes {
                let number = number_of(&note.pdu);
                if matches!(note.what, Befell::Deleted | Befell::DeletedUnread) {
                    gone.extend(number.filter(|number| self.arrived[*number].is_none()));
                }
                self.modems[modem].say(site.time_of(note.unix_ms), shown(&note, number));
            }
        }
        if !gone.is_empty() {
            self.read_inbox(site).await;
        }
        for number in gone {
            if self.arrived[number].is_none() && self.lost.insert(number) {
                let modem = self.sent_to[number];
                let why = "it was deleted from the SIM and is not in the inbox";
                self.report(site, number, modem, why);
            }
        }
    }

    /// Newest first, as far as there is something new.
    async fn read_inbox(&mut self, site: &Site) {
        let mut path = format!("/v1/inbox?limit={PAGE}");
        loop {
            let page = site.call(Method::GET, &path, None).await;
            let mut is_new = false;
            for entry in page["data"].as_array().unwrap_or_else(|| panic!("{page}")) {
                let number = number_in(entry["text"].as_str().unwrap());
                let Some(number) = number else { continue };
                let id = digest(entry["id"].as_str().unwrap());
                let known = *self.arrived[number].get_or_insert_with(|| {
                    is_new = true;
                    id
                });
                if known != id && self.doubled.insert(number) {
                    is_new = true;
                    self.report_double(site, number).await;
                }
            }
            let Some(cursor) = page["next_cursor"].as_str().filter(|_| is_new) else {
                return;
            };
            path = format!("/v1/inbox?limit={PAGE}&cursor={cursor}");
        }
    }

    async fn report_double(&mut self, site: &Site, number: usize) {
        let modem = self.sent_to[number];
        let path = format!("/v1/modems/m{modem}");
        let status = site.call(Method::GET, &path, None).await;
        let (iccid, imsi) = (&status["iccid"], &status["imsi"]);
        let why = format!("it is in the inbox again; the SIM is {iccid}, {imsi}");
        self.report(site, number, modem, &why);
    }

    fn report(&mut self, site: &Site, number: usize, modem: usize, why: &str) {
        if self.reports.len() == MOST_REPORTS {
            return;
        }
        let history = self.modems[modem].said.iter().cloned();
        let mut lines: Vec<_> = history.chain(site.taps[modem].lines()).collect();
        lines.sort_by_key(|(at, _)| *at);
        let mut report = format!("text {number} to modem {modem}: {why}\n");
        let passed_over = lines.len().saturating_sub(MOST_LINES);
        for (at, line) in lines.into_iter().skip(passed_over) {
            let seconds = at.since(site.opened_at).as_secs_f64();
            let _ = writeln!(report, "  {seconds:10.3} {line}");
        }
        self.reports.push(report);
    }

    /// What is missing or doubled at the end, and all that is known of it; empty: nothing is.
    pub(crate) fn verdict(&mut self, site: &Site, inbox: &[String]) -> String {
        let there: HashSet<usize> = inbox.iter().filter_map(|text| number_in(text)).collect();
        let all = self.sent_to.clone().into_iter().enumerate();
        let missing: Vec<_> = all.filter(|(number, _)| !there.contains(number)).collect();
        for (number, modem) in &missing {
            if self.lost.insert(*number) {
                let why = "it is not in the inbox and was not deleted from the SIM";
                self.report(site, *number, *modem, why);
            }
        }
        if missing.is_empty() && inbox.len() == there.len() {
            return String::new();
        }
        let missing: Vec<_> = missing.iter().map(|(number, _)| number).collect();
        let again = inbox.len() - there.len();
        let reports = self.reports.concat();
        format!("missing in the inbox: {missing:?}; {again} are there again\n{reports}")
    }
}

impl History {
    fn say(&mut self, at: UnixMillis, what: String) {
        if self.said.len() == MOST_SAID {
            self.said.pop_front();
        }
        self.said.push_back((at, what));
    }
}

fn shown(note: &Note, number: Option<usize>) -> String {
    let place = format!("{} {}", note.memory, note.index);
    match number {
        Some(number) => format!("# {:?} {place}: text {number}", note.what),
        None => format!("# {:?} {place}: a report", note.what),
    }
}

fn number_of(pdu: &str) -> Option<usize> {
    let envelope = Envelope::from_hex(pdu).ok()?;
    number_in(Deliver::decode(&envelope.tpdu).ok()?.user_data.text()?)
}

fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

fn number_in(text: &str) -> Option<usize> {
    text.strip_prefix("text ")?.parse().ok()
}
