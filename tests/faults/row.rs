//! What became of one fault, and all of them as a table.

use std::fmt::Write;
use std::time::Duration;

use modem_sim::Listed;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Begins {
    BeforeTheGateway,
    InOperation,
}

impl Begins {
    pub(crate) const BOTH: [Self; 2] = [Self::BeforeTheGateway, Self::InOperation];
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u8,
    pub(crate) name: &'static str,
    pub(crate) begins: Begins,
    /// All texts were final and the modem ready, with the fault still ordered: so long after the texts were submitted.
    pub(crate) healed_alone: Option<Duration>,
    /// What the modem's status said while it was not.
    pub(crate) said: Option<String>,
    /// The same, after the cause had ended.
    pub(crate) healed_after: Option<Duration>,
    pub(crate) once: usize,
    pub(crate) named_uncertain: usize,
    pub(crate) failed: usize,
    pub(crate) problems: Vec<String>,
}

impl Row {
    pub(crate) fn new(listed: &Listed, begins: Begins) -> Self {
        Self {
            number: listed.number.unwrap_or_default(),
            name: listed.name,
            begins,
            healed_alone: None,
            said: None,
            healed_after: None,
            once: 0,
            named_uncertain: 0,
            failed: 0,
            problems: Vec::new(),
        }
    }

    pub(crate) fn expect(&mut self, holds: bool, else_problem: &str) {
        if !holds {
            self.problems.push(else_problem.to_owned());
        }
    }

    /// Two faults are about both modems.
    pub(crate) fn touches_the_neighbour(&self) -> bool {
        matches!(self.name, "brown_out" | "swap_ports")
    }
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    writeln!(
        table,
        "{:>2}  {:<28} {:<11} {:>4} {:>9} {:>6}  {:<22} said meanwhile",
        "no", "fault", "begins", "once", "uncertain", "failed", "well again"
    )
    .unwrap();
    for row in rows {
        let begins = match row.begins {
            Begins::BeforeTheGateway => "at start",
            Begins::InOperation => "in service",
        };
        let well = match (row.healed_alone, row.healed_after) {
            (Some(alone), _) => format!("after {} s", alone.as_secs()),
            (None, Some(after)) => format!("{} s after its end", after.as_secs()),
            (None, None) => "no".to_owned(),
        };
        let (name, said) = (row.name, row.said.as_deref().unwrap_or_default());
        writeln!(
            table,
            "{:>2}  {name:<28} {begins:<11} {:>4} {:>9} {:>6}  {well:<22} {said}",
            row.number, row.once, row.named_uncertain, row.failed
        )
        .unwrap();
    }
    let passed = rows.iter().filter(|row| row.problems.is_empty()).count();
    writeln!(table, "{passed} of {} hold", rows.len()).unwrap();
    table
}

pub(crate) fn problems(rows: &[&Row]) -> String {
    let mut text = String::new();
    for row in rows {
        writeln!(
            text,
            "{} {} ({:?}): {}",
            row.number,
            row.name,
            row.begins,
            row.problems.join("; ")
        )
        .unwrap();
    }
    text
}
