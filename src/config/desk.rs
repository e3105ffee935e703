//! Reads written values one by one and remembers what is wrong with them.
//!
//! Knows kinds of values, not keys: which key has which default and range is said in [`super::check`].

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::problem::Problem;
use super::raw::Given;
use super::sheet::Sheet;
use super::values;
use crate::domain::Limit;
use crate::domain::allowance::LONGEST_WINDOW;

/// The default stands in for a wrong value, so that the rest can be checked too.
pub(super) struct Desk<'a> {
    pub(super) sheet: &'a Sheet,
    /// Each with its position.
    pub(super) problems: Vec<(usize, Problem)>,
}

impl Desk<'_> {
    /// What `read` makes of the written value; `default` when nothing is written, or nothing right.
    pub(super) fn take<R, T>(
        &mut self,
        key: &str,
        given: Given<R>,
        default: T,
        right: &str,
        read: impl FnOnce(R) -> Option<T>,
    ) -> T {
        let Some(written) = given else {
            return default;
        };
        let span = written.span();
        match read(written.into_inner()) {
            Some(value) => value,
            None => {
                self.refuse(key, span, right.to_owned());
                default
            }
        }
    }

    pub(super) fn refuse(&mut self, key: &str, span: Range<usize>, right: String) {
        let problem = Problem::Wrong {
            place: self.sheet.place(span.start),
            key: key.to_owned(),
            value: self.sheet.value(span.clone()),
            right,
        };
        self.problems.push((span.start, problem));
    }

    /// One element of the array at `position`.
    pub(super) fn refuse_item(&mut self, key: &str, position: usize, item: &str, right: &str) {
        let problem = Problem::Wrong {
            place: self.sheet.place(position),
            key: key.to_owned(),
            value: format!("{item:?}"),
            right: right.to_owned(),
        };
        self.problems.push((position, problem));
    }

    pub(super) fn refuse_argument(&mut self, name: &str, value: String, right: String) {
        let problem = Problem::Wrong {
            place: "command line".to_owned(),
            key: name.to_owned(),
            value,
            right,
        };
        self.problems.push((usize::MAX, problem));
    }

    pub(super) fn number<N: TryFrom<i64>>(
        &mut self,
        key: &str,
        given: Given<i64>,
        default: N,
        range: RangeInclusive<i64>,
    ) -> N {
        self.take(key, given, default, &from_to(&range), |number| {
            let number = range.contains(&number).then_some(number)?;
            N::try_from(number).ok()
        })
    }

    pub(super) fn seconds(
        &mut self,
        key: &str,
        given: Given<i64>,
        default: u64,
        range: RangeInclusive<i64>,
    ) -> Duration {
        Duration::from_secs(self.number(key, given, default, range))
    }

    pub(super) fn days(&mut self, key: &str, given: Given<i64>, default: u64) -> Duration {
        Duration::from_secs(86_400 * self.number(key, given, default, 1..=LONGEST_KEPT_DAYS))
    }

    pub(super) fn millis(
        &mut self,
        key: &str,
        given: Given<i64>,
        default: u64,
        range: RangeInclusive<i64>,
    ) -> Duration {
        Duration::from_millis(self.number(key, given, default, range))
    }

    pub(super) fn path(&mut self, key: &str, given: Given<String>, default: &str) -> PathBuf {
        self.take(
            key,
            given,
            default.into(),
            "must be a file's name",
            |text| {
                let names_a_file = !text.is_empty() && !text.ends_with('/');
                names_a_file.then(|| PathBuf::from(text))
            },
        )
    }

    /// One of a few words; `default` is one of them.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        given: Given<String>,
        default: &str,
        words: &[(&str, T)],
    ) -> T {
        let find = |word: &str| {
            let found = words.iter().find(|(known, _)| *known == word);
            found.map(|(_, value)| *value)
        };
        let known: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        let right = format!("must be {}", known.join(" or "));
        let default = find(default).expect("the default is one of the words");
        self.take(key, given, default, &right, |text| find(&text))
    }

    pub(super) fn networks(
        &mut self,
        key: &str,
        given: Given<Vec<String>>,
        default: Vec<IpNet>,
    ) -> Vec<IpNet> {
        let right = "must be an address or a network, such as \"10.0.0.0/8\"";
        self.list(key, given, default, right, values::network)
    }

    /// How many in how many seconds; an empty list is no limit.
    pub(super) fn limits(
        &mut self,
        key: &str,
        given: Given<Vec<String>>,
        default: &[&str],
    ) -> Vec<Limit> {
        let default = default.iter().filter_map(|text| a_limit(text)).collect();
        self.list(key, given, default, A_LIMIT, a_limit)
    }

    pub(super) fn limit(&mut self, key: &str, given: Given<String>, default: &str) -> Limit {
        let default = a_limit(default).expect("the default is a limit");
        self.take(key, given, default, A_LIMIT, |text| a_limit(&text))
    }

    /// Every element that is wrong is named by itself.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        given: Given<Vec<String>>,
        default: Vec<T>,
        right: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(written) = given else {
            return default;
        };
        let position = written.span().start;
        let mut values = Vec::new();
        for text in written.into_inner() {
            match read(&text) {
                Some(value) => values.push(value),
                None => self.refuse_item(key, position, &text, right),
            }
        }
        values
    }
}

/// A count and seconds, within what the store keeps and reads at once.
pub(super) fn a_limit(text: &str) -> Option<Limit> {
    Limit::parse(text)
        .filter(|limit| limit.count() <= MOST_COUNTED && limit.window() <= LONGEST_WINDOW)
}

/// A limit that many sends in a window come up to is none.
const MOST_COUNTED: u32 = 1_000_000;
pub(super) const AN_AMOUNT: &str = "must be an amount with at most four decimals, such as \"0.05\"";
pub(super) const A_LIMIT: &str =
    "must be how many in how many seconds, such as \"5/3600\": at most 1000000 in at most 2678400";

pub(super) fn from_to(range: &RangeInclusive<i64>) -> String {
    if *range.end() == i64::MAX {
        return format!("must be {} or more", range.start());
    }
    format!("must be {} to {}", range.start(), range.end())
}

/// Ten years.
const LONGEST_KEPT_DAYS: i64 = 3_650;
