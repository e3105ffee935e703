//! Writes the seed corpora from the codec's vectors: `seeds VECTORS CORPUS`.
//!
//! What a vector's request says is what the targets begin with; what it expects is not looked at. A corpus is made
//! anew from the vectors whenever it is wanted, so it is not kept in the repository.

use std::error::Error;
use std::fs;
use std::path::Path;

use cellpost_fuzz::{Content, DIGITS, FIXED, Request};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(vectors), Some(corpus)) = (arguments.next(), arguments.next()) else {
        return Err("seeds VECTORS CORPUS".into());
    };
    let (vectors, corpus) = (Path::new(&vectors), Path::new(&corpus));
    for target in ["decode", "encode"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    for file in [
        "decode.json",
        "malformed.json",
        "encode.json",
        "segments.json",
    ] {
        let file: Value = serde_json::from_str(&fs::read_to_string(vectors.join(file))?)?;
        for vector in file["vectors"].as_array().ok_or("no vectors")? {
            let id = vector["id"].as_str().ok_or("no id")?;
            let request = &vector["request"];
            if let Some(octets) = received(request) {
                fs::write(corpus.join("decode").join(id), octets)?;
            }
            if let Some(octets) = sent(request) {
                fs::write(corpus.join("encode").join(id), octets)?;
            }
            // What we would send is something to read, too.
            for (part, octets) in expected(vector).enumerate() {
                fs::write(corpus.join("decode").join(format!("{id}.{part}")), octets)?;
            }
        }
    }
    Ok(())
}

fn received(request: &Value) -> Option<Vec<u8>> {
    let pdu = request["pdu"].as_str()?;
    // What is not hexadecimal is text to be refused as such.
    Some(pdu_codec::octets_from_hex(pdu).unwrap_or_else(|_| pdu.as_bytes().to_vec()))
}

fn expected(vector: &Value) -> impl Iterator<Item = Vec<u8>> {
    let parts = vector["expect"]["parts"].as_array().into_iter().flatten();
    parts.filter_map(|part| pdu_codec::octets_from_hex(part["pdu"].as_str()?).ok())
}

/// The octets from which `Request::read` reads what the vector asks for.
fn sent(request: &Value) -> Option<Vec<u8>> {
    let options = &request["options"];
    let octet = |key: &str| options[key].as_u64().unwrap_or(0) as u8;
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    let number = request["to"].as_str().unwrap_or("+491701234567");
    let data = request["data"].as_str().map(pdu_codec::octets_from_hex);
    let content = match data {
        Some(data) => data.ok()?,
        None => request["text"].as_str()?.as_bytes().to_vec(),
    };
    let mut octets = [0; FIXED];
    octets[0] = bit(options["request_report"] == true, 0x01)
        | bit(options["reject_duplicates"] == true, 0x02)
        | bit(options["reply_path"] == true, 0x04)
        | bit(number.starts_with('+'), 0x08)
        | bit(request["data"].is_string(), 0x80);
    let (long, ports) = (options["ref_bits"] == 16, &options["ports"]);
    let relative = options["validity_minutes"].as_u64();
    let choice = match options["alphabet"].as_str() {
        Some("gsm7") => 1,
        Some("ucs2") => 2,
        _ => 0,
    };
    octets[1] = bit(long, 0x01)
        | bit(ports.is_object(), 0x04)
        | bit(relative.is_some(), 0x08)
        | choice << 5;
    octets[2] = options["class"].as_u64().map_or(0xFF, |class| class as u8);
    (octets[3], octets[4]) = (octet("mr"), octet("pid"));
    let languages = ["", "tr", "es", "pt"];
    let language = options["lang"].as_str().unwrap_or("");
    octets[5] = languages.iter().position(|one| *one == language)? as u8;
    octets[6] = match options["shift"].as_str() {
        Some("locking") => 1,
        Some("both") => 2,
        _ => 0,
    };
    let digits = number.trim_start_matches('+').bytes();
    let digits: Option<Vec<u8>> = digits
        .map(|digit| Some(DIGITS.iter().position(|one| *one == digit)? as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len() <= 20)?;
    octets[8] = digits.len() as u8;
    let minutes = relative.map_or(0, |minutes| minutes as u32);
    octets[9] = pdu_codec::RelativeValidity::at_least(minutes).0;
    let reference = options["ref"].as_u64().unwrap_or(0) as u16;
    match long {
        true => octets[16..18].copy_from_slice(&reference.to_be_bytes()),
        false => octets[16] = reference as u8,
    }
    let port = |key: &str| (ports[key].as_u64().unwrap_or(0) as u16).to_be_bytes();
    octets[18..20].copy_from_slice(&port("dst"));
    octets[20..22].copy_from_slice(&port("src"));
    let seed = [&octets[..], &digits, &content].concat();
    assert!(says(&seed, number, request), "{request}");
    Some(seed)
}

fn says(seed: &[u8], number: &str, request: &Value) -> bool {
    let Some(read) = Request::read(seed) else {
        return false;
    };
    let content = match &read.content {
        Content::Text(text) => request["text"] == text.as_str(),
        Content::Data(_) => request["data"].is_string(),
    };
    read.number == number && content
}
