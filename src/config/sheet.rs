//! What was written, and where: the text of the file with the environment's overrides behind it.
//!
//! A position up to the end of the text lies in the file; the positions behind it are the overrides, one each, and then
//! the variables that are read where a key is unset. So whatever carries a span, a value or an error, can be traced to a
//! line or to a variable.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::environment;

pub(super) struct Sheet {
    /// How the file is called in messages.
    name: String,
    pub(super) text: String,
    pub(super) overrides: Vec<Override>,
    /// Name and value of each; the last of a name counts.
    variables: Vec<(String, String)>,
}

/// One `CELLPOST_<SECTION>__<KEY>` of the environment.
pub(super) struct Override {
    variable: String,
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// The longest value that a message repeats.
const LONGEST_SHOWN: usize = 80;

impl Sheet {
    pub(super) fn new(file: Option<&Path>, text: String, env: &[(String, String)]) -> Self {
        Self {
            name: file.map_or_else(String::new, |path| path.display().to_string()),
            text,
            overrides: env.iter().filter_map(Override::of).collect(),
            variables: env
                .iter()
                .filter(|(name, value)| environment::is_read(name) && !value.trim().is_empty())
                .map(|(name, value)| (name.clone(), value.trim().to_owned()))
                .collect(),
        }
    }

    /// A variable that is read where a key is unset, if it is set and not to nothing.
    pub(super) fn variable(&self, name: &str) -> Option<Spanned<String>> {
        let at = self
            .variables
            .iter()
            .rposition(|(known, _)| known == name)?;
        let span = self.beyond(self.overrides.len() + at);
        Some(Spanned::new(span, self.variables[at].1.clone()))
    }

    /// The span of the override with this index; behind them, of a variable.
    pub(super) fn beyond(&self, index: usize) -> Range<usize> {
        let start = self.text.len() + 1 + index;
        start..start + 1
    }

    /// `cellpost.toml line 12`, `environment CELLPOST_LOG__LEVEL`.
    pub(super) fn place(&self, position: usize) -> String {
        if let Some((variable, _)) = self.environment_at(position) {
            return format!("environment {variable}");
        }
        let before = &self.text.as_bytes()[..position.min(self.text.len())];
        let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
        format!("{} line {line}", self.name)
    }

    /// The value as it was written, on one line.
    pub(super) fn value(&self, span: Range<usize>) -> String {
        match self.environment_at(span.start) {
            Some((environment::TOKEN, _)) => "(not shown)".to_owned(),
            Some((_, value)) => shown(&format!("{value:?}")),
            None => shown(self.text.get(span).unwrap_or_default()),
        }
    }

    /// The variable whose value lies at this position.
    fn environment_at(&self, position: usize) -> Option<(&str, &str)> {
        let index = position.checked_sub(self.text.len() + 1)?;
        if let Some(written) = self.overrides.get(index) {
            return Some((&written.variable, &written.value));
        }
        let (name, value) = self.variables.get(index - self.overrides.len())?;
        Some((name, value))
    }
}

impl Override {
    /// The double underscore makes an override: `CELLPOST_URL` and `CELLPOST_KEY_FILE` are none.
    fn of((variable, value): &(String, String)) -> Option<Self> {
        let (section, key) = variable.strip_prefix("CELLPOST_")?.split_once("__")?;
        Some(Self {
            variable: variable.clone(),
            section: section.to_ascii_lowercase(),
            key: key.to_ascii_lowercase(),
            value: value.clone(),
        })
    }
}

fn shown(value: &str) -> String {
    let on_one_line: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match on_one_line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &on_one_line[..end]),
        None => on_one_line,
    }
}
