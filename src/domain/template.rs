//! `{{name}}` templates: read once, filled strictly (http-api.md group A).
//!
//! A value is put in once and never read again: `{{` in a value is text.

use std::fmt;
use std::ops::RangeInclusive;

/// A template whose placeholders are all well-formed and declared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    content: String,
    pieces: Vec<Piece>,
    variables: Vec<Variable>,
}

/// 1 to 64 of `A-Z a-z 0-9 _`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Variable(String);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    /// Octets of the content.
    Text(std::ops::Range<usize>),
    Variable(Variable),
}

/// Why a template cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("the content has {found} characters; it must have 1 to {most}")]
    Length { found: usize, most: usize },
    #[error(
        "the {{{{ at character {at} does not open a placeholder: {{{{name}}}}, 1 to 64 letters, digits or _, without spaces"
    )]
    Placeholder { at: usize },
    #[error("{{{{{0}}}}} is in the content and not among the variables")]
    Undeclared(Variable),
    #[error("variable {0} is declared twice")]
    Twice(Variable),
}

/// A variable of the content that the parameters do not have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("params has no value for {0}")]
pub struct Missing(pub Variable);

const LONGEST_NAME: usize = 64;

impl Template {
    /// `declared`: the variables as given; `None`: those of the content, in order of first use. `most`: Unicode
    /// scalar values that the content may have.
    ///
    /// # Errors
    /// [`InvalidTemplate`] names the place, counted in characters from 0, or the variable.
    pub fn parse(
        content: &str,
        declared: Option<Vec<Variable>>,
        most: usize,
    ) -> Result<Self, InvalidTemplate> {
        let found = content.chars().count();
        if !(1..=most).contains(&found) {
            return Err(InvalidTemplate::Length { found, most });
        }
        let pieces = pieces(content)?;
        let mut used: Vec<Variable> = Vec::new();
        for piece in &pieces {
            if let Piece::Variable(name) = piece
                && !used.contains(name)
            {
                used.push(name.clone());
            }
        }
        let variables = match declared {
            None => used,
            Some(declared) => {
                let twice = |at: &usize| declared[..*at].contains(&declared[*at]);
                if let Some(at) = (0..declared.len()).find(twice) {
                    return Err(InvalidTemplate::Twice(declared[at].clone()));
                }
                if let Some(name) = used.into_iter().find(|name| !declared.contains(name)) {
                    return Err(InvalidTemplate::Undeclared(name));
                }
                declared
            }
        };
        Ok(Self {
            content: content.to_owned(),
            pieces,
            variables,
        })
    }

    pub fn content(&self) -> &str {
        &self.content
    }

    /// As declared, or in order of first use. Some may not be in the content.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The text with every placeholder replaced by its value.
    ///
    /// # Errors
    /// [`Missing`] names the first variable of the content without a value. Values that it does not use are ignored.
    pub fn fill<'a>(
        &self,
        value_of: impl Fn(&Variable) -> Option<&'a str>,
    ) -> Result<String, Missing> {
        let mut text = String::with_capacity(self.content.len());
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Text(octets) => &self.content[octets.clone()],
                Piece::Variable(name) => value_of(name).ok_or_else(|| Missing(name.clone()))?,
            });
        }
        Ok(text)
    }
}

fn pieces(content: &str) -> Result<Vec<Piece>, InvalidTemplate> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(opened) = content[from..].find("{{").map(|at| from + at) {
        let name_at = opened + 2;
        let closed = content[name_at..].find("}}").map(|at| name_at + at);
        let name = closed.and_then(|closed| Variable::parse(&content[name_at..closed]));
        let (Some(closed), Some(name)) = (closed, name) else {
            return Err(InvalidTemplate::Placeholder {
                at: content[..opened].chars().count(),
            });
        };
        if opened > from {
            pieces.push(Piece::Text(from..opened));
        }
        pieces.push(Piece::Variable(name));
        from = closed + 2;
    }
    if from < content.len() {
        pieces.push(Piece::Text(from..content.len()));
    }
    Ok(pieces)
}

impl Variable {
    /// `None` when it is no name of a variable.
    pub fn parse(name: &str) -> Option<Self> {
        const LENGTHS: RangeInclusive<usize> = 1..=LONGEST_NAME;
        let is_name = name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
        (is_name && LENGTHS.contains(&name.len())).then(|| Self(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Variable> {
        names.iter().map(|name| variable(name)).collect()
    }

    fn variable(name: &str) -> Variable {
        Variable::parse(name).unwrap()
    }

    #[track_caller]
    fn filled(content: &str, values: &[(&str, &str)]) -> Result<String, Missing> {
        let template = Template::parse(content, None, 500).unwrap();
        template.fill(|name| {
            let found = values.iter().find(|(known, _)| *known == name.as_str());
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn placeholders_are_replaced_once_by_their_values() {
        let content = "您的验证码是{{code}}，{{minutes}}分钟内有效。{{code}}";
        let values = [("code", "123456"), ("minutes", "5"), ("unused", "x")];
        assert_eq!(
            filled(content, &values).as_deref(),
            Ok("您的验证码是123456，5分钟内有效。123456")
        );
        // What a value holds is text, whatever it looks like.
        let values = [("a", "{{b}}"), ("b", "never")];
        assert_eq!(filled("<{{a}}>", &values).as_deref(), Ok("<{{b}}>"));
        assert_eq!(filled("no variable", &[]).as_deref(), Ok("no variable"));
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        let missing = filled("{{a}} {{b}}", &[("a", "1")]);
        assert_eq!(missing, Err(Missing(variable("b"))));
    }

    #[test]
    fn single_braces_and_closing_ones_are_text() {
        for content in ["{", "a{b}c", "}}", "{ {x} }", "{\"a\":1}}"] {
            assert_eq!(filled(content, &[]).as_deref(), Ok(content));
        }
    }

    #[test]
    fn what_opens_must_be_a_placeholder() {
        for (content, at) in [
            ("{{", 0),
            ("码{{code", 1),
            ("{{}}", 0),
            ("{{ code }}", 0),
            ("{{a-b}}", 0),
            ("{{名}}", 0),
            ("{{{code}}}", 0),
            ("{{a}} {{a b}}", 6),
            (&format!("{{{{{}}}}}", "x".repeat(65)), 0),
        ] {
            let refused = Template::parse(content, None, 500);
            assert_eq!(
                refused,
                Err(InvalidTemplate::Placeholder { at }),
                "{content}"
            );
        }
        assert!(Template::parse(&format!("{{{{{}}}}}", "x".repeat(64)), None, 500).is_ok());
    }

    #[test]
    fn variables_are_those_declared_or_those_used() {
        let parse = |declared: Option<&[&str]>| {
            let declared = declared.map(names);
            Template::parse("{{b}} {{a}} {{b}}", declared, 500)
                .map(|template| template.variables().to_vec())
        };
        assert_eq!(parse(None), Ok(names(&["b", "a"])));
        // Declared and not used: kept.
        let declared = ["a", "b", "c"];
        assert_eq!(parse(Some(&declared)), Ok(names(&declared)));
        assert_eq!(
            parse(Some(&["b"])),
            Err(InvalidTemplate::Undeclared(variable("a")))
        );
        assert_eq!(
            parse(Some(&["a", "b", "a"])),
            Err(InvalidTemplate::Twice(variable("a")))
        );
    }

    #[test]
    fn a_content_is_measured_in_characters() {
        assert!(Template::parse(&"字".repeat(500), None, 500).is_ok());
        for (content, found) in [("字".repeat(501), 501), (String::new(), 0)] {
            assert_eq!(
                Template::parse(&content, None, 500),
                Err(InvalidTemplate::Length { found, most: 500 })
            );
        }
    }

    #[test]
    fn an_error_shows_a_placeholder_as_it_is_written() {
        assert_eq!(
            InvalidTemplate::Undeclared(variable("code")).to_string(),
            "{{code}} is in the content and not among the variables"
        );
        assert_eq!(
            InvalidTemplate::Placeholder { at: 3 }.to_string(),
            "the {{ at character 3 does not open a placeholder: {{name}}, 1 to 64 letters, digits or _, without spaces"
        );
    }
}
