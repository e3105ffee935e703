//! `cellpost pdu --json`: the codec over standard input and output, a JSON object a line, for as long as input lasts.
//!
//! One answer for each line, in their order, flushed before the next is read. Whatever a line holds, it gets an
//! answer; nothing but answers is ever written to standard output.
//!
//! Not here: what the answers say, see `answer`; the codec itself, which is a crate of its own.

mod answer;
mod options;

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Write};

use clap::Args;
use pdu_codec::{Address, Envelope, Split, Submit, Tpdu, octets_from_hex};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::CommandError;
use answer::{Decoded, Encoded, Failure, Segmented, Sentence};
use options::Options;

#[derive(Debug, Args)]
pub(super) struct PduArgs {
    /// Requests and answers are JSON objects, one a line.
    #[arg(long, required = true)]
    json: bool,
}

pub(super) fn run(_args: &PduArgs) -> Result<(), CommandError> {
    let (input, output) = (io::stdin().lock(), io::stdout().lock());
    match converse(input, output) {
        // Whoever asked has gone: there is nobody left to answer.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CommandError::Failed(format!(
            "standard input or output failed: {error}"
        ))),
        Ok(()) => Ok(()),
    }
}

/// A longer line is not kept in memory; it is answered with an error. Requests have up to 4 MiB.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// What is kept of the line's buffer after an unusually long one.
const USUAL_LINE: usize = 64 * 1024;

fn converse(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    let mut answer = Vec::new();
    loop {
        line.clear();
        line.shrink_to(USUAL_LINE);
        answer.clear();
        answer.shrink_to(USUAL_LINE);
        let limit = LONGEST_LINE as u64 + 1;
        if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.len() > LONGEST_LINE && line.last() != Some(&b'\n') {
            skip_line(&mut input)?;
            let why = format!("the line is longer than {LONGEST_LINE} octets");
            Sentence::Failure(Failure::new(why)).write(None, &mut answer)?;
        } else {
            respond(&line, &mut answer)?;
        }
        answer.push(b'\n');
        output.write_all(&answer)?;
        output.flush()?;
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        match buffer.iter().position(|octet| *octet == b'\n') {
            Some(end) => {
                input.consume(end + 1);
                return Ok(());
            }
            None => {
                let all = buffer.len();
                input.consume(all);
            }
        }
    }
}

/// A request whose fields are not looked into yet: what is wrong with one of them must not cost the answer its `id`.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default, deserialize_with = "as_it_is")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    op: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pdu: Option<&'a RawValue>,
    #[serde(borrow, default)]
    smsc: Option<&'a RawValue>,
    #[serde(borrow, default)]
    to: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    options: Option<&'a RawValue>,
}

/// Also `null`, which is an `id` like any other.
fn as_it_is<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn respond(line: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
    let request = str::from_utf8(line)
        .map_err(|_| Failure::new("the line is not UTF-8"))
        .and_then(|line| {
            // serde would also take the fields of an array.
            if !line.trim_start().starts_with('{') {
                return Err(Failure::new("the line is not a JSON object"));
            }
            serde_json::from_str::<Request<'_>>(line)
                .map_err(|error| Failure::new(format!("the line is not a JSON object: {error}")))
        });
    match request {
        Err(failure) => Sentence::Failure(failure).write(None, answer),
        Ok(request) => {
            let sentence = obey(&request).unwrap_or_else(Sentence::Failure);
            sentence.write(request.id, answer)
        }
    }
}

fn obey(request: &Request<'_>) -> Result<Sentence, Failure> {
    let op = request.op.ok_or_else(|| Failure::new("op is missing"))?;
    match text("op", op)?.as_ref() {
        "decode" => decode(request).map(Sentence::Decoded),
        "encode" => encode(request).map(Sentence::Encoded),
        "segment" => segment(request).map(Sentence::Segmented),
        _ => Err(Failure::new("op must be decode, encode or segment")),
    }
}

fn decode(request: &Request<'_>) -> Result<Box<Decoded>, Failure> {
    let pdu = required("pdu", request.pdu)?;
    let octets = octets_from_hex(&pdu)?;
    let envelope = if flag("smsc", request.smsc, true)? {
        Envelope::from_octets(&octets)?
    } else {
        Envelope::new(None, octets)
    };
    let tpdu = Tpdu::decode(&envelope.tpdu)?;
    Ok(Box::new(Decoded::new(envelope.smsc.as_ref(), &tpdu)))
}

fn encode(request: &Request<'_>) -> Result<Encoded, Failure> {
    let options = Options::read(request.options)?;
    let to = required("to", request.to)?;
    let to = Address::parse(&to).map_err(|error| Failure::new(format!("to: {error}")))?;
    let smsc = options.service_centre()?;
    let submit_options = options.submit()?;
    let submits = match (request.text, request.data) {
        (Some(_), Some(_)) => return Err(Failure::new("text or data, not both")),
        (None, None) => return Err(Failure::new("text or data is missing")),
        (Some(given), None) => {
            let written = text("text", given)?;
            Submit::texts(&to, &written, options.alphabet()?, &submit_options)?
        }
        (None, Some(data)) => {
            let digits = text("data", data)?;
            let data = match digits.trim() {
                "" => Vec::new(),
                digits => octets_from_hex(digits)?,
            };
            Submit::data(&to, &data, &submit_options)?
        }
    };
    Ok(Encoded::new(&submits, smsc.as_ref()))
}

fn segment(request: &Request<'_>) -> Result<Segmented, Failure> {
    let options = Options::read(request.options)?;
    let written = required("text", request.text)?;
    let split = Split::plan_for(&written, options.alphabet()?, &options.segmenting()?)?;
    Segmented::new(&split)
}

fn required<'a>(name: &str, value: Option<&'a RawValue>) -> Result<Cow<'a, str>, Failure> {
    let value = value.ok_or_else(|| Failure::new(format!("{name} is missing")))?;
    text(name, value)
}

fn text<'a>(name: &str, value: &'a RawValue) -> Result<Cow<'a, str>, Failure> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text: Text<'_> = serde_json::from_str(value.get())
        .map_err(|_| Failure::new(format!("{name} must be a string")))?;
    Ok(text.0)
}

fn flag(name: &str, value: Option<&RawValue>, usual: bool) -> Result<bool, Failure> {
    value.map_or(Ok(usual), |value| {
        serde_json::from_str::<Option<bool>>(value.get())
            .map(|flag| flag.unwrap_or(usual))
            .map_err(|_| Failure::new(format!("{name} must be true or false")))
    })
}

#[cfg(test)]
mod tests;
