//! The profile that would suit a model of which nothing is known, from what it answered.

use std::fmt::Write;

/// What a modem that runs on `generic` answered while it was set up.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answers {
    pub(crate) maker: String,
    pub(crate) model: String,
    /// `AT+CNMI=?`, first line.
    pub(crate) announcements: Option<String>,
    /// What of `+CNMI=` it took in the end: `2,1,0,1,0`.
    pub(crate) announced: Option<String>,
    /// `AT+CPMS=?`, first line.
    pub(crate) storages_offered: Option<String>,
    /// What of `+CPMS=` it took in the end: `"ME","ME","ME"`.
    pub(crate) stored: Option<String>,
    /// The command that told its ICCID: `+CCID`.
    pub(crate) iccid: Option<String>,
    /// `+CMMS=?` was refused.
    pub(crate) keeps_no_link: bool,
}

// What `generic` tries, in its order.
const MODES: [u8; 3] = [2, 1, 3];
const REPORTS: [u8; 3] = [1, 2, 0];
const STORAGES: [&str; 3] = ["ME", "SM", "MT"];
const USUAL_ICCID: &str = "+CCID";

impl Answers {
    /// The file; `None`: it would say nothing that `generic` does not say.
    pub(crate) fn profile(&self) -> Option<String> {
        let mut messages = String::new();
        let taken: Vec<u8> = numbers(self.announced.as_deref().unwrap_or_default());
        let offered = lists(self.announcements.as_deref().unwrap_or_default());
        if let Some(modes) = reordered(&MODES, offered.first(), taken.first()) {
            writeln!(messages, "modes = {modes:?}").ok()?;
        }
        if let Some(reports) = reordered(&REPORTS, offered.get(3), taken.get(3)) {
            writeln!(messages, "reports = {reports:?}").ok()?;
        }
        // Where texts are stored is found out by itself, whatever was refused or holds nothing: no reason for a file.
        if messages.is_empty() && !self.keeps_no_link {
            return None;
        }
        if let Some(storages) = self.storages() {
            writeln!(messages, "storages = {storages:?}").ok()?;
        }
        if self.keeps_no_link {
            messages.push_str("keeps_link = false\n");
        }
        // It was found without help; with it, it is found at once.
        let iccid = self
            .iccid
            .as_deref()
            .filter(|command| *command != USUAL_ICCID);
        let mut file = format!(
            "[match]\nmaker = [{}]\nmodel = [{}]\n",
            quoted(&self.maker),
            quoted(&self.model)
        );
        if let Some(command) = iccid {
            write!(file, "\n[sim]\niccid = [{}]\n", quoted(command)).ok()?;
        }
        write!(file, "\n[messages]\n{messages}").ok()?;
        Some(file)
    }

    /// The storage that was taken before the others; `None`: it is the first of the usual ones that is offered.
    fn storages(&self) -> Option<Vec<&'static str>> {
        let stored = self.stored.as_deref()?.split(',').next()?.trim_matches('"');
        let offered = self.storages_offered.as_deref().unwrap_or_default();
        let is_offered = |storage: &str| {
            let mut uses = offered.split('(').skip(1).filter(|list| list.contains('"'));
            uses.all(|list| list.contains(&format!("\"{storage}\"")))
        };
        let usual = STORAGES.iter().find(|storage| is_offered(storage));
        let taken = STORAGES.iter().find(|storage| **storage == stored)?;
        if usual == Some(taken) {
            return None;
        }
        let rest = STORAGES.iter().filter(|storage| *storage != taken);
        Some(std::iter::once(*taken).chain(rest.copied()).collect())
    }
}

/// A word as TOML writes it; what a modem says is nobody's syntax. Nothing at all: no word.
fn quoted(text: &str) -> String {
    let text: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '\\'))
        .collect();
    match text.is_empty() {
        true => String::new(),
        false => format!("\"{text}\""),
    }
}

/// What was taken before what is merely offered; `None`: in the usual order.
fn reordered(usual: &[u8], offered: Option<&Vec<u8>>, taken: Option<&u8>) -> Option<Vec<u8>> {
    let taken = *taken?;
    let is_offered =
        |number: &u8| offered.is_none_or(|list| list.is_empty() || list.contains(number));
    let first = usual.iter().copied().find(is_offered);
    if first == Some(taken) || !usual.contains(&taken) {
        return None;
    }
    let rest = usual
        .iter()
        .copied()
        .filter(|number| *number != taken && is_offered(number));
    Some(std::iter::once(taken).chain(rest).collect())
}

fn numbers(text: &str) -> Vec<u8> {
    text.split(',')
        .map_while(|number| number.trim().parse().ok())
        .collect()
}

/// `+CNMI: (0-2),(0,1,3),(0),(0,1),(0)` as lists.
fn lists(line: &str) -> Vec<Vec<u8>> {
    let inner = line.split('(').skip(1);
    inner
        .filter_map(|part| Some(part.split_once(')')?.0))
        .map(|list| list.split(',').flat_map(range).collect())
        .collect()
}

fn range(text: &str) -> Vec<u8> {
    let number = |text: &str| text.trim().parse::<u8>().ok();
    match text.split_once('-') {
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) => (from..=to).collect(),
            _ => Vec::new(),
        },
        None => number(text).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Answers {
        Answers {
            maker: "Cellular Works".to_owned(),
            model: "CW-2".to_owned(),
            announcements: Some("+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)".to_owned()),
            announced: Some("2,1,0,1,0".to_owned()),
            storages_offered: Some(
                "+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")".to_owned(),
            ),
            stored: Some("\"ME\",\"ME\",\"ME\"".to_owned()),
            iccid: Some("+CCID".to_owned()),
            keeps_no_link: false,
        }
    }

    #[test]
    fn a_model_that_keeps_to_the_standards_needs_no_profile() {
        assert_eq!(plain().profile(), None);
        // It offers no other mode, and generic finds that out by itself.
        let announcements = Some("+CNMI: (1),(0,1),(0),(0-2),(0)".to_owned());
        let announced = Some("1,1,0,1,0".to_owned());
        let answers = Answers {
            announcements,
            announced,
            ..plain()
        };
        assert_eq!(answers.profile(), None);
        let storages_offered = Some("+CPMS: (\"SM\",\"BM\"),(\"SM\")".to_owned());
        let stored = Some("\"SM\",\"SM\"".to_owned());
        let answers = Answers {
            storages_offered,
            stored,
            ..plain()
        };
        assert_eq!(answers.profile(), None);
        assert_eq!(Answers::default().profile(), None);
    }

    #[test]
    fn what_a_model_took_after_it_refused_the_usual_comes_first_in_its_profile() {
        let answers = Answers {
            announced: Some("1,1,0,2,0".to_owned()),
            stored: Some("\"SM\",\"SM\"".to_owned()),
            iccid: Some("^ICCID?".to_owned()),
            keeps_no_link: true,
            ..plain()
        };
        let expected = "[match]\nmaker = [\"Cellular Works\"]\nmodel = [\"CW-2\"]\n\n\
                        [sim]\niccid = [\"^ICCID?\"]\n\n\
                        [messages]\nmodes = [1, 2]\nreports = [2, 1, 0]\n\
                        storages = [\"SM\", \"ME\", \"MT\"]\nkeeps_link = false\n";
        assert_eq!(answers.profile().unwrap(), expected);
    }

    #[test]
    fn words_of_a_modem_are_no_syntax_of_the_file() {
        let answers = Answers {
            maker: "\"]\nevil = [\"".to_owned(),
            model: String::new(),
            keeps_no_link: true,
            ..plain()
        };
        let file = answers.profile().unwrap();
        let table: toml::Table = file.parse().unwrap();
        assert_eq!(table["match"]["maker"][0].as_str(), Some("]evil = ["));
        assert_eq!(table["match"]["model"].as_array().map(Vec::len), Some(0));
    }
}
