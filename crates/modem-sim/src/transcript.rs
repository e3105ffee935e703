//! **Transcript**: a recorded conversation of a host with a modem, as `hardware/transcripts/*.at` writes it.
//!
//! `> text` the host writes, `< text` the modem says, `@ +ms` time passes, `# note` is for the reader. One line is
//! one burst; line ends are written out as `\r` and `\n`, other octets as `\xHH`.
//!
//! ```
//! let transcript = modem_sim::Transcript::parse("> AT\\r\n@ +20\n< \\r\\nOK\\r\\n\n").unwrap();
//! assert_eq!(transcript.turns()[0].host.as_ref().unwrap().octets, b"AT\r");
//! assert_eq!(transcript.turns()[0].modem[0].octets, b"\r\nOK\r\n");
//! ```

use std::time::Duration;

/// A conversation, cut behind everything the modem says before the host's next word.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    turns: Vec<Turn>,
}

/// What the host writes, and what the modem says from then on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// `None` for what the modem says before the host has written anything.
    pub host: Option<HostLine>,
    pub modem: Vec<ModemLine>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HostLine {
    /// The line of the file, counted from 1.
    pub line: usize,
    /// How long the host waited before it.
    pub pause: Duration,
    pub octets: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ModemLine {
    pub line: usize,
    /// How long after whatever came before it.
    pub after: Duration,
    pub octets: Vec<u8>,
}

/// Where a transcript cannot be read, and why.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("line {line}: {why}")]
pub struct TranscriptError {
    pub line: usize,
    pub why: String,
}

impl Transcript {
    pub fn parse(text: &str) -> Result<Self, TranscriptError> {
        let mut turns = vec![Turn::default()];
        let mut pause = Duration::ZERO;
        for (number, content) in (1..).zip(text.lines()) {
            let at = |why: String| TranscriptError { line: number, why };
            let (mark, rest) = content.split_once(' ').unwrap_or((content, ""));
            match mark {
                "" | "#" => {}
                "@" => pause += milliseconds(rest).map_err(at)?,
                ">" => turns.push(Turn {
                    host: Some(HostLine {
                        line: number,
                        pause: std::mem::take(&mut pause),
                        octets: unescape(rest).map_err(at)?,
                    }),
                    modem: Vec::new(),
                }),
                "<" => {
                    let said = ModemLine {
                        line: number,
                        after: std::mem::take(&mut pause),
                        octets: unescape(rest).map_err(at)?,
                    };
                    let turn = turns.last_mut().expect("begins with one turn");
                    turn.modem.push(said);
                }
                _ => return Err(at(format!("{mark:?} is no mark; there are > < @ #"))),
            }
        }
        if turns[0].modem.is_empty() {
            turns.remove(0);
        }
        Ok(Self { turns })
    }

    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_prefix('+').and_then(|ms| ms.parse().ok());
    let ms = number.ok_or_else(|| format!("{text:?} is no pause; write +86 for 86 ms"))?;
    Ok(Duration::from_millis(ms))
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        octets.extend(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let (octet, length) = match escape.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let digits = escape.get(1..3);
                let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (octet.ok_or("two hex digits follow \\x")?, 3)
            }
            _ => return Err("after \\ comes r, n, x or \\".into()),
        };
        octets.push(octet);
        rest = &escape[length..];
    }
    octets.extend(rest.as_bytes());
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_belongs_to_the_line_behind_it() {
        let text = "# note\n< \\r\\nRDY\\r\\n\n@ +5\n> AT\\x1a\n@ +7\n< a\n< b\n";
        let transcript = Transcript::parse(text).unwrap();
        let [boot, answer] = transcript.turns() else {
            panic!("two turns: {transcript:?}")
        };
        assert_eq!(boot.host, None);
        assert_eq!(boot.modem[0].octets, b"\r\nRDY\r\n");
        let host = answer.host.as_ref().unwrap();
        assert_eq!((host.line, host.pause.as_millis()), (4, 5));
        assert_eq!(host.octets, b"AT\x1a");
        let after: Vec<_> = answer.modem.iter().map(|said| said.after).collect();
        assert_eq!(after, [Duration::from_millis(7), Duration::ZERO]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for (text, line, why) in [
            ("> AT\n* x", 2, "\"*\" is no mark; there are > < @ #"),
            ("@ 5", 1, "\"5\" is no pause; write +86 for 86 ms"),
            ("\n< \\q", 2, "after \\ comes r, n, x or \\"),
            ("< \\x1", 1, "two hex digits follow \\x"),
        ] {
            let error = Transcript::parse(text).unwrap_err();
            assert_eq!((error.line, error.why.as_str()), (line, why));
        }
    }
}
