//! What can be wrong with what was written, in words for whoever wrote it.
//!
//! One problem is one line: where, which key, its value, what would be right.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Everything that was found wrong, in the order in which it stands in the file; then the environment, then the
/// command line. Shown one problem per line.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// One line each: for a log, which takes one event per line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(Problem::to_string)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines().collect();
        f.write_str(&lines.join("\n"))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{}: cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{place}: {why}")]
    Syntax { place: String, why: String },
    #[error("{place}: unknown {what} \"{name}\"{}", did_you_mean(meant.as_deref()))]
    Unknown {
        place: String,
        what: &'static str,
        name: String,
        meant: Option<String>,
    },
    #[error("{place}: {key} = {value}: {right}")]
    Wrong {
        place: String,
        key: String,
        value: String,
        right: String,
    },
    /// The value may be a secret.
    #[error("{place}: {key} {why}")]
    Unshown {
        place: String,
        key: String,
        why: String,
    },
    #[error("{place}: {key} is missing: {right}")]
    Missing {
        place: String,
        key: String,
        right: &'static str,
    },
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"))
}

/// The candidate that `word` was most likely meant to be, if it is at most two slips away.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = if word.len() > 4 { 2 } else { 1 };
    candidates
        .into_iter()
        .map(|candidate| (slips(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Characters to insert, remove or replace: Levenshtein's distance.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_unless_all_are_far() {
        let words = ["listen", "max_body", "ttl"];
        assert_eq!(nearest("lisen", words), Some("listen"));
        assert_eq!(nearest("maxbody", words), Some("max_body"));
        assert_eq!(nearest("tl", words), Some("ttl"));
        assert_eq!(nearest("tls", words), None);
        assert_eq!(nearest("colour", words), None);
    }
}
