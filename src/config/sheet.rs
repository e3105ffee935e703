//! What was written, and where: the text of the file with the environment's overrides behind it.
//!
//! A position up to the end of the text lies in the file; the positions behind it are the overrides, one each. So
//! whatever carries a span, a value or an error, can be traced to a line or to a variable.

use std::ops::Range;
use std::path::Path;

pub(super) struct Sheet {
    /// How the file is called in messages.
    name: String,
    pub(super) text: String,
    pub(super) overrides: Vec<Override>,
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
        }
    }

    /// The span of the override with this index.
    pub(super) fn beyond(&self, index: usize) -> Range<usize> {
        let start = self.text.len() + 1 + index;
        start..start + 1
    }

    /// `cellpost.toml line 12`, `environment CELLPOST_LOG__LEVEL`.
    pub(super) fn place(&self, position: usize) -> String {
        if let Some(written) = self.override_at(position) {
            return format!("environment {}", written.variable);
        }
        let before = &self.text.as_bytes()[..position.min(self.text.len())];
        let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
        format!("{} line {line}", self.name)
    }

    /// The value as it was written, on one line.
    pub(super) fn value(&self, span: Range<usize>) -> String {
        match self.override_at(span.start) {
            Some(written) => shown(&format!("{:?}", written.value)),
            None => shown(self.text.get(span).unwrap_or_default()),
        }
    }

    fn override_at(&self, position: usize) -> Option<&Override> {
        let index = position.checked_sub(self.text.len() + 1)?;
        self.overrides.get(index)
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
