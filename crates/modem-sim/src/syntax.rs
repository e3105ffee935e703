//! **Syntax**: one command line, cut into commands (V.250 §5.2.1).
//!
//! The simulator's own reader, by the letter of the recommendation; it knows no command by name.

/// One command of a line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command<'a> {
    /// `E0`, `V1`, `&F`, `S3=13`: the letters in upper case and the number, 0 when none is given.
    Basic { name: String, value: u32 },
    /// `+CMGS=18`: the name in upper case with its first character.
    Extended { name: String, form: Form<'a> },
}

#[derive(Debug, PartialEq)]
pub(crate) enum Form<'a> {
    Run,
    Read,
    Test,
    Write(&'a str),
}

impl Command<'_> {
    /// `E`, `&F`, `+CMGS`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Basic { name, .. } | Self::Extended { name, .. } => name,
        }
    }
}

impl Form<'_> {
    /// As it is written behind the name.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Run => String::new(),
            Self::Read => "?".into(),
            Self::Test => "=?".into(),
            Self::Write(value) => format!("={value}"),
        }
    }
}

/// The commands after `AT`, or `None` when the line is not for a modem. An empty list is a bare `AT`.
pub(crate) fn commands(line: &str) -> Option<Vec<Command<'_>>> {
    let line = line.trim();
    let head = line.get(..2)?;
    if !head.eq_ignore_ascii_case("AT") {
        return None;
    }
    let mut rest = line[2..].trim_start();
    let mut commands = Vec::new();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ';' | ' ' => &rest[1..],
            '&' => basic(&rest[1..], "&", &mut commands),
            _ if first.is_ascii_alphabetic() => basic(rest, "", &mut commands),
            _ => extended(rest, &mut commands),
        };
    }
    Some(commands)
}

fn basic<'a>(rest: &'a str, prefix: &str, commands: &mut Vec<Command<'a>>) -> &'a str {
    let letters = usize::from(rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let name = format!("{prefix}{}", rest[..letters].to_ascii_uppercase());
    let mut end = letters + digits(&rest[letters..]);
    if name == "S" && rest[end..].starts_with('=') {
        end += 1 + digits(&rest[end + 1..]);
    } else if name == "D" {
        end = rest.len(); // a dial string takes the rest of the line
    }
    let value = rest[letters..end].parse().unwrap_or(0);
    commands.push(Command::Basic { name, value });
    &rest[end..]
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn extended<'a>(rest: &'a str, commands: &mut Vec<Command<'a>>) -> &'a str {
    let end = end_of_command(rest);
    let (command, after) = (rest[..end].trim_end(), &rest[end..]);
    let cut = command.find(['=', '?']).unwrap_or(command.len());
    let form = match &command[cut..] {
        "" => Form::Run,
        "?" => Form::Read,
        "=?" => Form::Test,
        value => Form::Write(value.get(1..).unwrap_or("")),
    };
    commands.push(Command::Extended {
        name: command[..cut].trim_end().to_ascii_uppercase(),
        form,
    });
    after
}

/// A semicolon ends a command, unless it is quoted.
fn end_of_command(text: &str) -> usize {
    let mut quoted = false;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'"' => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// The values of a write command; quotes are taken off.
pub(crate) fn values(written: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, octet) in written.bytes().enumerate() {
        match octet {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                values.push(&written[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    values.push(&written[start..]);
    values
        .into_iter()
        .map(|value| value.trim().trim_matches('"'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> Command<'static> {
        Command::Extended {
            name: name.into(),
            form: Form::Run,
        }
    }

    fn basic(name: &str, value: u32) -> Command<'static> {
        Command::Basic {
            name: name.into(),
            value,
        }
    }

    #[test]
    fn a_line_may_hold_several_commands() {
        assert_eq!(
            commands("ate0V1&F+CMEE=1;+CPIN?;+GSN"),
            Some(vec![
                basic("E", 0),
                basic("V", 1),
                basic("&F", 0),
                Command::Extended {
                    name: "+CMEE".into(),
                    form: Form::Write("1")
                },
                Command::Extended {
                    name: "+CPIN".into(),
                    form: Form::Read
                },
                run("+GSN"),
            ])
        );
    }

    #[test]
    fn what_does_not_begin_with_at_is_not_for_us() {
        assert_eq!(commands(""), None);
        assert_eq!(commands("é"), None);
        assert_eq!(commands("0021000C91"), None);
        assert_eq!(commands("AT"), Some(vec![]));
    }

    #[test]
    fn odd_characters_end_in_a_command_nobody_knows() {
        for line in [
            "AT\u{7f}\u{7f}",
            "AT=",
            "AT?é",
            "AT+",
            "AT&",
            "AT\"",
            "ATS",
            "ATS3=",
            "AT&&&é",
        ] {
            assert!(commands(line).is_some(), "{line}");
        }
    }

    #[test]
    fn a_quoted_separator_separates_nothing() {
        assert_eq!(values("\"a,b\",,145"), ["a,b", "", "145"]);
        assert_eq!(end_of_command("+X=\"a;b\";+Y"), 8);
    }
}
