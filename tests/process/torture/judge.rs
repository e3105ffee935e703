//! The books compared: what the network took, what the callers were told, what the API says, what is in the inbox.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Instant;

use serde_json::Value;

use super::callers::Asked;
use super::phones::Wrote;
use super::{MODEMS, SETTLING};
use crate::daemon::{Daemon, Site};

#[derive(Debug, Default)]
pub(super) struct Verdict {
    asked: usize,
    parts: usize,
    repeated: usize,
    once: usize,
    announced_doubles: usize,
    named_unknown: usize,
    delivered: usize,
    received: usize,
    wrote: usize,
    pub(super) problems: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            asked,
            parts,
            repeated,
            once,
            announced_doubles,
            named_unknown,
            delivered,
            received,
            wrote,
            problems,
        } = self;
        writeln!(
            f,
            "out: {asked} texts in {parts} parts, {repeated} requests repeated: {once} once ({delivered} reported \
             delivered), {announced_doubles} doubled and said so, {named_unknown} named unknown"
        )?;
        writeln!(f, "in: {received} of {wrote} texts once")?;
        if problems.is_empty() {
            return writeln!(f, "0 lost, 0 doubled unannounced");
        }
        for problem in problems {
            writeln!(f, "WRONG: {problem}")?;
        }
        Ok(())
    }
}

pub(super) fn judge(
    site: &Site,
    daemon: &Daemon,
    key: &str,
    asked: &[Asked],
    wrote: &[Wrote],
    kills: usize,
) -> Verdict {
    let mut verdict = Verdict {
        asked: asked.len(),
        wrote: wrote.len(),
        repeated: asked.iter().map(|one| one.repeats).sum(),
        ..Verdict::default()
    };
    if let Some(waiting) = wait_until_settled(daemon, key) {
        verdict.wrong(format!("still on its way: {waiting}"));
    }
    wait_until_received(daemon, key, wrote.len());
    let mut messages: HashMap<String, Value> = HashMap::new();
    for message in list(daemon, key, "/v1/messages?direction=outbound") {
        let id = message["id"].as_str().unwrap().to_owned();
        messages.insert(id, message);
    }
    if messages.len() != asked.len() {
        let (known, told) = (messages.len(), asked.len());
        verdict.wrong(format!(
            "the API knows {known} messages, its callers {told}"
        ));
    }
    let mut books = Books::of(&site.ledger());
    verdict.parts = books.parts;
    for one in asked {
        let taken = books.taken.remove(&one.to).unwrap_or_default();
        match messages.get(&one.id) {
            Some(message) => verdict.compare(one, message, &taken),
            None => verdict.wrong(format!(
                "{}: accepted, and the API has no {}",
                one.word, one.id
            )),
        }
    }
    for word in books.taken.keys() {
        verdict.wrong(format!(
            "{word}: the network has it, and nobody asked for it"
        ));
    }
    if verdict.announced_doubles > MODEMS * kills.max(1) {
        verdict.wrong("more doubles than one for each modem and kill".to_owned());
    }
    verdict.compare_inbox(&list(daemon, key, "/v1/inbox"), wrote);
    verdict
}

/// What the network took: per number the copies of its text's parts. Each text has a number of its own.
#[derive(Default)]
struct Books {
    parts: usize,
    taken: HashMap<String, Taken>,
}

#[derive(Default)]
struct Taken {
    /// How often each part was taken, by whichever SIM.
    times: BTreeMap<u64, usize>,
    /// What a phone joins: parts by sender and reference.
    joined: BTreeMap<(String, u64), BTreeMap<u64, String>>,
    total: usize,
}

impl Books {
    fn of(ledger: &[Value]) -> Self {
        let mut books = Self::default();
        for entry in ledger {
            let text = entry["text"].as_str().unwrap();
            let place = &entry["concat"];
            let part = place["part"].as_u64().unwrap_or(1);
            let reference = place["ref"].as_u64().unwrap_or_default();
            let sender = entry["imsi"].as_str().unwrap().to_owned();
            let to = entry["to"].as_str().unwrap().to_owned();
            let taken = books.taken.entry(to).or_default();
            taken.total = usize::try_from(place["total"].as_u64().unwrap_or(1)).unwrap();
            *taken.times.entry(part).or_default() += 1;
            let joined = taken.joined.entry((sender, reference)).or_default();
            joined.insert(part, text.to_owned());
            books.parts += 1;
        }
        books
    }
}

impl Taken {
    /// The texts that a phone shows: of those parts that came together.
    fn shown(&self) -> Vec<String> {
        let whole = self
            .joined
            .values()
            .filter(|parts| parts.len() == self.total);
        whole
            .map(|parts| parts.values().map(String::as_str).collect())
            .collect()
    }
}

fn second_word(text: &str) -> String {
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

impl Verdict {
    fn wrong(&mut self, what: String) {
        self.problems.push(what);
    }

    fn compare(&mut self, one: &Asked, message: &Value, taken: &Taken) {
        let status = message["status"].as_str().unwrap();
        let shown = taken.shown();
        let most = taken.times.values().max().copied().unwrap_or(0);
        let is_named = message["may_be_duplicate"] == true;
        let said = format!(
            "{} ({}, {}, {} parts) is {status}, may_be_duplicate {is_named}, parts taken {:?}, whole {}",
            one.word,
            one.id,
            one.category,
            message["parts"],
            taken.times,
            shown.len(),
        );
        if shown.iter().any(|text| *text != one.text) {
            self.wrong(format!("another text: {said}"));
        }
        match status {
            "sent" | "delivered" if shown.is_empty() => self.wrong(format!("lost: {said}")),
            "sent" | "delivered" => {}
            "unknown" => self.named_unknown += 1,
            _ => self.wrong(format!("not what a kill may come to: {said}")),
        }
        self.delivered += usize::from(status == "delivered");
        match most {
            0 | 1 => self.once += usize::from(status != "unknown"),
            _ if one.category == "bulk" => self.wrong(format!("bulk is never doubled: {said}")),
            _ if !is_named && status != "unknown" => {
                self.wrong(format!("doubled unannounced: {said}"));
            }
            _ => self.announced_doubles += 1,
        }
    }

    fn compare_inbox(&mut self, inbox: &[Value], wrote: &[Wrote]) {
        let mut received: HashMap<String, Vec<&Value>> = HashMap::new();
        for text in inbox {
            let word = second_word(text["text"].as_str().unwrap());
            received.entry(word).or_default().push(text);
        }
        for one in wrote {
            let texts = received.remove(&one.word).unwrap_or_default();
            let is_same = |text: &&Value| text["text"] == one.text && text["from"] == one.from;
            match texts.as_slice() {
                [text] if is_same(text) => self.received += 1,
                texts => self.wrong(format!("written to us: {one:?}, in the inbox: {texts:?}")),
            }
        }
        for (word, texts) in received {
            self.wrong(format!(
                "{word} is in the inbox, and nobody wrote it: {texts:?}"
            ));
        }
    }
}

/// Waits until nothing is on its way any more; a message that still is.
fn wait_until_settled(daemon: &Daemon, key: &str) -> Option<Value> {
    let started = Instant::now();
    loop {
        let open = ["scheduled", "queued", "sending"]
            .iter()
            .find_map(|status| {
                let path = format!("/v1/messages?limit=1&status={status}");
                let page = daemon.ask("GET", &path, key, "");
                page.body["data"].as_array().unwrap().first().cloned()
            });
        if open.is_none() || started.elapsed() > SETTLING {
            return open;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// What does not come is named afterwards.
fn wait_until_received(daemon: &Daemon, key: &str, texts: usize) {
    let started = Instant::now();
    while list(daemon, key, "/v1/inbox").len() < texts
        && started.elapsed() < crate::daemon::PATIENCE
    {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// All of a list, page by page.
fn list(daemon: &Daemon, key: &str, path: &str) -> Vec<Value> {
    let first = match path.contains('?') {
        true => format!("{path}&limit=200"),
        false => format!("{path}?limit=200"),
    };
    let (mut all, mut next) = (Vec::new(), first.clone());
    loop {
        let page = daemon.ask("GET", &next, key, "");
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(page.body["data"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            return all;
        };
        next = format!("{first}&cursor={cursor}");
    }
}
