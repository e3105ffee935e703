//! **Ledger**: one line of JSON for each text the network has accepted, so that what was sent can be proved.
//!
//! Each line is written with one write(2) as soon as the modem has told its host. The file is turned over at
//! 64 MiB; one older file is kept. In memory the newest lines are kept instead.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::handset::Place;
use crate::submission::Submission;

/// One accepted text; the times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    n: u64,
    modem: usize,
    imsi: String,
    mr: u8,
    pdu: String,
    to: String,
    text: Option<String>,
    data: Option<String>,
    concat: Option<Place>,
    cmgs_ns: u64,
    prompt_ns: u64,
    pdu_ns: u64,
    answer_ns: Option<u64>,
}

impl Entry {
    pub(crate) fn new(
        modem: usize,
        imsi: &str,
        submission: &Submission,
        answer_ns: Option<u64>,
    ) -> Self {
        Self {
            n: 0,
            modem,
            imsi: imsi.to_owned(),
            mr: submission.reference,
            pdu: submission.pdu.clone(),
            to: submission.to.clone(),
            text: submission.text.clone(),
            data: submission.data.clone(),
            concat: submission.place.clone(),
            cmgs_ns: submission.cmgs_ns,
            prompt_ns: submission.prompt_ns,
            pdu_ns: submission.pdu_ns,
            answer_ns,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Ledger {
    /// The number of the next line.
    next: u64,
    pages: Pages,
}

#[derive(Debug)]
enum Pages {
    File(LedgerFile),
    Memory(VecDeque<(u64, Value)>),
}

#[derive(Debug)]
struct LedgerFile {
    path: PathBuf,
    file: File,
    size: u64,
    /// Where every 256th line of this file begins.
    marks: Vec<(u64, u64)>,
}

/// A page of entries, and the number to go on with.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Value>,
    pub(crate) next: u64,
}

impl Ledger {
    pub(crate) fn in_memory() -> Self {
        Self {
            next: 1,
            pages: Pages::Memory(VecDeque::new()),
        }
    }

    /// Goes on where an earlier simulation in the same folder stopped.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let mut ledger = LedgerFile {
            path: path.to_owned(),
            file,
            size: 0,
            marks: Vec::new(),
        };
        let mut last = 0;
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            let line = line?;
            last = number(&line).unwrap_or(last);
            ledger.mark(last);
            ledger.size += line.len() as u64 + 1;
        }
        // A line cut short by a crash must not swallow the next one.
        let length = ledger.file.metadata()?.len();
        if length + 1 == ledger.size {
            ledger.file.write_all(b"\n")?;
        }
        if last == 0 {
            last = last_number(&ledger.older())?;
        }
        Ok(Self {
            next: last + 1,
            pages: Pages::File(ledger),
        })
    }

    pub(crate) fn append(&mut self, mut entry: Entry) -> io::Result<()> {
        entry.n = self.next;
        self.next += 1;
        match &mut self.pages {
            Pages::Memory(kept) => {
                if kept.len() == MOST_IN_MEMORY {
                    kept.pop_front();
                }
                kept.push_back((entry.n, serde_json::to_value(&entry)?));
                Ok(())
            }
            Pages::File(file) => {
                let mut line = serde_json::to_vec(&entry)?;
                line.push(b'\n');
                file.append(entry.n, &line)
            }
        }
    }

    /// A bounded number of lines, beginning with number `from`.
    pub(crate) fn page(&self, from: u64) -> io::Result<Page> {
        let mut entries = match &self.pages {
            Pages::Memory(kept) => {
                let wanted = kept.iter().filter(|(n, _)| *n >= from);
                wanted.take(PAGE).map(|(_, entry)| entry.clone()).collect()
            }
            Pages::File(file) => file.page(from)?,
        };
        entries.sort_by_key(|entry| entry["n"].as_u64());
        let last = entries.last().and_then(|entry| entry["n"].as_u64());
        Ok(Page {
            entries,
            next: last.map_or(from, |n| n + 1),
        })
    }
}

impl LedgerFile {
    fn append(&mut self, n: u64, line: &[u8]) -> io::Result<()> {
        if self.size + line.len() as u64 > LONGEST_FILE {
            self.turn_over()?;
        }
        self.mark(n);
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }

    fn turn_over(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, self.older())?;
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.size = 0;
        self.marks.clear();
        Ok(())
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("jsonl.1")
    }

    fn mark(&mut self, n: u64) {
        if self.marks.last().is_none_or(|(last, _)| n >= last + 256) {
            self.marks.push((n, self.size));
        }
    }

    fn page(&self, from: u64) -> io::Result<Vec<Value>> {
        let here = self.marks.first().is_some_and(|(first, _)| from >= *first);
        let mut entries = Vec::new();
        if !here && self.older().exists() {
            read_page(File::open(self.older())?, from, &mut entries)?;
        }
        if entries.len() < PAGE {
            let before = self.marks.partition_point(|(n, _)| *n <= from);
            let start = before.checked_sub(1).map_or(0, |mark| self.marks[mark].1);
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(start))?;
            read_page(file, from, &mut entries)?;
        }
        Ok(entries)
    }
}

fn read_page(file: File, from: u64, entries: &mut Vec<Value>) -> io::Result<()> {
    for line in BufReader::new(file).split(b'\n') {
        if entries.len() == PAGE {
            return Ok(());
        }
        let line = line?;
        if number(&line).is_some_and(|n| n >= from)
            && let Ok(entry) = serde_json::from_slice(&line)
        {
            entries.push(entry);
        }
    }
    Ok(())
}

/// The number a line begins with; cheaper than reading the whole of it.
fn number(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"n\":")?;
    let end = digits.iter().position(|octet| !octet.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

fn last_number(path: &Path) -> io::Result<u64> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut last = 0;
    for line in BufReader::new(file).split(b'\n') {
        last = number(&line?).unwrap_or(last);
    }
    Ok(last)
}

const LONGEST_FILE: u64 = 64 * 1024 * 1024;
const MOST_IN_MEMORY: usize = 10_000;
/// Lines of one answer: some 100 KiB.
const PAGE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry {
            n: 0,
            modem: 0,
            imsi: "460000000000000".into(),
            mr: 1,
            pdu: "00".into(),
            to: "+1".into(),
            text: Some(text.into()),
            data: None,
            concat: None,
            cmgs_ns: 1,
            prompt_ns: 2,
            pdu_ns: 3,
            answer_ns: None,
        }
    }

    fn texts(ledger: &Ledger, from: u64) -> Vec<String> {
        let page = ledger.page(from).unwrap();
        let texts = page.entries.iter().map(|entry| entry["text"].as_str());
        texts.flatten().map(str::to_owned).collect()
    }

    #[test]
    fn numbers_go_on_after_a_restart_even_behind_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(entry("one")).unwrap();
        ledger.append(entry("two")).unwrap();
        drop(ledger);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"n\":3,\"modem\"").unwrap();

        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(entry("four")).unwrap();
        assert_eq!(texts(&ledger, 1), ["one", "two", "four"]);
        assert_eq!(ledger.page(4).unwrap().next, 5);
    }

    #[test]
    fn a_page_begins_anywhere_and_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.jsonl")).unwrap();
        for n in 1..=600 {
            ledger.append(entry(&n.to_string())).unwrap();
        }
        let page = texts(&ledger, 300);
        assert_eq!((page.len(), page[0].as_str()), (PAGE, "300"));
        assert_eq!(texts(&ledger, 600), ["600"]);
        assert_eq!(texts(&ledger, 601), [""; 0]);
    }

    #[test]
    fn the_file_is_turned_over_and_one_older_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        for text in ["a", "b", "c"] {
            ledger.append(entry(text)).unwrap();
            let Pages::File(file) = &mut ledger.pages else {
                panic!("opened as a file")
            };
            file.size = LONGEST_FILE;
        }
        assert_eq!(texts(&ledger, 1), ["b", "c"]);
        drop(ledger);
        std::fs::write(&path, "").unwrap();
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(entry("c again")).unwrap();
        assert_eq!(ledger.page(3).unwrap().entries[0]["text"], "c again");
    }
}
