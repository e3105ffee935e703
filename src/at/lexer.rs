//! Octets to lines and prompts: echo, CR LF variants, noise, overlong lines.
//!
//! `\r`, `\n` and any run of both end a line, because modems write `\r\n`, `\r\r\n` and, while results are
//! numeric, a lone `\r`. Empty lines are nothing. A prompt is the only token that no line end follows.

/// What the octets of a modem say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// Without its line end and the blanks around it; never empty.
    Line(String),
    Prompt,
}

/// Cuts octets into tokens; keeps what is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Lexer {
    line: Vec<u8>,
    /// Octets since the last line end, those that were not kept included.
    run: usize,
    prompt_expected: bool,
}

/// The longest honest line is a PDU of some 350 characters; what exceeds this is noise, and is cut.
pub(crate) const LONGEST_LINE: usize = 4 * 1024;

/// So many octets without a line end are no line at all: wrong baud rate, diagnostic port.
const LONGEST_RUN: usize = 64 * 1024;

impl Lexer {
    /// Takes `>` at the start of a line for a prompt, or for text like any other.
    pub(crate) fn expect_prompt(&mut self, expected: bool) {
        self.prompt_expected = expected;
    }

    /// Takes one octet.
    pub(crate) fn read(&mut self, octet: u8) -> Option<Token> {
        match octet {
            b'\r' | b'\n' => self.end_line(),
            b' ' if self.is_prompt() => self.prompt(),
            // NUL and 0xFF come when a port is opened, Ctrl-Z and ESC in the echo of what we wrote.
            0x00..=0x1F | 0x7F | 0xFF => None,
            _ => {
                self.run += 1;
                if self.line.len() < LONGEST_LINE {
                    self.line.push(octet);
                }
                None
            }
        }
    }

    /// The line so far is the `>` of `\r\n> ` or `\r\n>\r\n`.
    fn is_prompt(&self) -> bool {
        self.prompt_expected && self.line == b">"
    }

    fn prompt(&mut self) -> Option<Token> {
        self.line.clear();
        self.run = 0;
        Some(Token::Prompt)
    }

    fn end_line(&mut self) -> Option<Token> {
        if self.is_prompt() {
            return self.prompt();
        }
        let noise = std::mem::take(&mut self.run) > LONGEST_RUN;
        let line = std::mem::take(&mut self.line);
        // What is not UTF-8 is noise; a replacement character makes it a line that nobody claims.
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        (!noise && !text.is_empty()).then(|| Token::Line(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(prompt_expected: bool, octets: &[u8]) -> Vec<Token> {
        let mut lexer = Lexer::default();
        lexer.expect_prompt(prompt_expected);
        octets.iter().filter_map(|&o| lexer.read(o)).collect()
    }

    fn lines(octets: &[u8]) -> Vec<String> {
        tokens(false, octets)
            .into_iter()
            .map(|token| match token {
                Token::Line(line) => line,
                Token::Prompt => "prompt".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_line_is_a_line_however_it_ends() {
        for (octets, expected) in [
            (&b"\r\nOK\r\n"[..], &["OK"][..]),
            (b"AT\r\r\nOK\r\n", &["AT", "OK"]),
            (b"AT\r0\r", &["AT", "0"]),
            (b"\r\r\nOK\r\r\n\r\n", &["OK"]),
            (b"\r\n+CSQ: 9,99\r\n\r\nOK\r\n", &["+CSQ: 9,99", "OK"]),
            (
                b"\r\n^RSSI:18\r\nATE0\r\r\nOK\r\n",
                &["^RSSI:18", "ATE0", "OK"],
            ),
            (b"\xff\x00\r\nRDY\r\n", &["RDY"]),
            (b"\r\nO\x00K\r\n", &["OK"]),
            (b"\r\n  Quad band \r\n", &["Quad band"]),
            (b"unfinished", &[]),
        ] {
            assert_eq!(lines(octets), expected, "{octets:?}");
        }
    }

    #[test]
    fn a_prompt_is_read_in_both_its_forms() {
        for octets in [
            &b"\r\n> "[..],
            b"\r\n>\r\n",
            b"> ",
            b"AT+CMGS=26\r\r\n>\r\n",
        ] {
            assert_eq!(
                tokens(true, octets).last(),
                Some(&Token::Prompt),
                "{octets:?}"
            );
        }
    }

    #[test]
    fn a_prompt_is_text_where_none_is_expected_or_no_line_begins() {
        assert_eq!(lines(b"\r\n> \r\n"), [">"]);
        assert_eq!(
            tokens(true, b"\r\n+X: a> b\r\n"),
            [Token::Line("+X: a> b".to_owned())]
        );
        assert_eq!(tokens(true, b"\r\n>x\r\n"), [Token::Line(">x".to_owned())]);
    }

    #[test]
    fn the_echo_of_a_pdu_follows_the_prompt_on_its_line() {
        assert_eq!(
            tokens(true, b"\r\n> 0001AB\x1a\r\n+CMS ERROR: 38\r\n"),
            [
                Token::Prompt,
                Token::Line("0001AB".to_owned()),
                Token::Line("+CMS ERROR: 38".to_owned())
            ]
        );
    }

    #[test]
    fn an_overlong_line_is_cut() {
        let mut octets = vec![b'x'; LONGEST_LINE + 500];
        octets.extend(b"\r\nOK\r\n");
        let read = lines(&octets);
        assert_eq!(read[0].len(), LONGEST_LINE);
        assert_eq!(read[1], "OK");
    }

    #[test]
    fn what_has_no_line_end_for_64_kib_is_thrown_away() {
        let mut octets = vec![b'x'; LONGEST_RUN + 1];
        octets.extend(b"\r\nOK\r\n");
        assert_eq!(lines(&octets), ["OK"]);
    }

    proptest! {
        #[test]
        fn any_octets_give_lines_within_the_bound(
            octets in proptest::collection::vec(any::<u8>(), 0..6000),
            prompt_expected: bool,
        ) {
            for token in tokens(prompt_expected, &octets) {
                if let Token::Line(line) = token {
                    prop_assert!((1..=LONGEST_LINE).contains(&line.chars().count()));
                    prop_assert!(!line.contains(['\r', '\n', '\0']));
                }
            }
        }
    }
}
