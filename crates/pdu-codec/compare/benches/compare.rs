//! Encode, decode and segment, beside the other crates that do the same, on the same inputs.
//!
//! Each group is one piece of work; its first row is this crate's, and the others do no more than it and no less, but
//! where their name says so. `gsm7` has the septets without a message around them, so it is beside our septets.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pdu_codec::{
    Address, AlphabetChoice, Deliver, Envelope, ReferenceWidth, Split, Submit, SubmitOptions,
    gsm7 as septets, octets_from_hex,
};

const SHORT: &str = "Your code is 482913. It is valid for 10 minutes.";
const CHINESE: &str = "您的验证码是482913，十分钟内有效。请勿将验证码告诉他人。";

/// Characters that are not ASCII, and escapes, all over.
const MIXED: &str = "Größe: 7€ für [süße] Äpfel à {¿niñas?} ~ 5£ | Øre, å: ¡Ñandù! Ω=Δ";

/// Whole, and with a character of the extension table now and then.
fn full() -> String {
    "The quick brown fox jumps over the lazy dog [42] for 5€. ".repeat(3)[..156].to_owned()
}

/// Three parts of GSM 7 bit.
fn long() -> String {
    "Order 1234 left our house; the driver will call before he comes. ".repeat(7)
}

/// Delivers as a modem hands them over, service centre included.
const DELIVERS: [(&str, &str); 3] = [
    (
        "short",
        "07911326040000F0040B911346610089F60000208062917314480CC8F71D14969741F977FD07",
    ),
    (
        "full",
        "07911326040000F0040B911346610089F60000208062917314409A54747A0E4ACF416190BD2CAF83E2F5750DF44FCBF3F41CC42ED3E1F3B2FB0CA2BF41E4F09C1E4ED3C9A04E0A4AF741B9F0FC0D9AD3F36D50984D06CDDD65D0BB0C3286E5A0763B8C0ECBCB207A794E07ADCB72D0BDECBEB3D36C90B94C06A5DDE1B23B0DA2BF41EC32DD05",
    ),
    (
        "ucs2",
        "07919730071111F10414D04937BD2C7797E9D3E614000811309291024061080442043504410442",
    ),
];

fn encode(criterion: &mut Criterion) {
    let (full, long) = (full(), long());
    let texts = [
        ("short", SHORT),
        ("full", &full),
        ("mixed", MIXED),
        ("ucs2", CHINESE),
        ("long", &long),
    ];
    for (name, text) in texts {
        let mut group = criterion.benchmark_group(format!("encode {name}"));
        group.bench_function("pdu-codec", |bencher| {
            let to = Address::parse("+491701234567").unwrap();
            bencher.iter(|| {
                let options = SubmitOptions::default();
                let submits = Submit::texts(&to, black_box(text), AlphabetChoice::Auto, &options);
                let submits = submits.unwrap();
                let octets = |submit: &Submit| submit.encode_for(None);
                submits.iter().map(octets).collect::<Vec<_>>()
            });
        });
        group.bench_function("sms-pdu", |bencher| {
            use sms_pdu::gsm_encoding::GsmMessageData;
            use sms_pdu::pdu::{PduAddress, SubmitPdu};
            let to: PduAddress = "+491701234567".parse().unwrap();
            bencher.iter(|| {
                let parts = GsmMessageData::encode_message(black_box(text));
                let submit = |part| SubmitPdu::make_simple_message(to.clone(), part).as_bytes();
                parts.into_iter().map(submit).collect::<Vec<_>>()
            });
        });
        group.bench_function("huawei-modem", |bencher| {
            use huawei_modem::gsm_encoding::GsmMessageData;
            use huawei_modem::pdu::{Pdu, PduAddress};
            let to: PduAddress = "+491701234567".parse().unwrap();
            bencher.iter(|| {
                let parts = GsmMessageData::encode_message(black_box(text));
                let submit = |part| Pdu::make_simple_message(to.clone(), part).as_bytes();
                parts.into_iter().map(submit).collect::<Vec<_>>()
            });
        });
        group.finish();
    }
}

fn decode(criterion: &mut Criterion) {
    for (name, hex) in DELIVERS {
        let octets = octets_from_hex(hex).unwrap();
        let mut group = criterion.benchmark_group(format!("decode {name}"));
        group.bench_function("pdu-codec", |bencher| {
            bencher.iter(|| {
                let (smsc, tpdu) = Envelope::open(black_box(&octets)).unwrap();
                (smsc, Deliver::decode(tpdu).unwrap())
            });
        });
        group.bench_function("sms-pdu", |bencher| {
            use sms_pdu::pdu::DeliverPdu;
            bencher.iter(|| {
                let deliver = DeliverPdu::try_from(black_box(&octets[..])).unwrap();
                let text = deliver.get_message_data().decode_message().unwrap();
                (deliver, text)
            });
        });
        group.bench_function("huawei-modem", |bencher| {
            use huawei_modem::pdu::DeliverPdu;
            bencher.iter(|| {
                let deliver = DeliverPdu::try_from(black_box(&octets[..])).unwrap();
                let text = deliver.get_message_data().decode_message().unwrap();
                (deliver, text)
            });
        });
        group.finish();
    }
}

/// The septets alone, without a message around them.
fn pack(criterion: &mut Criterion) {
    let (full, long) = (full(), long());
    for (name, text) in [
        ("short", SHORT),
        ("full", &full),
        ("mixed", MIXED),
        ("long", &long),
    ] {
        let mut group = criterion.benchmark_group(format!("pack {name}"));
        group.bench_function("pdu-codec", |bencher| {
            bencher.iter(|| septets::packed(black_box(text)).unwrap());
        });
        group.bench_function("gsm7", |bencher| {
            bencher.iter(|| {
                let mut writer = gsm7::Gsm7Writer::new(Vec::with_capacity(text.len()));
                writer.write_str(black_box(text)).unwrap();
                writer.into_writer().unwrap()
            });
        });
        group.finish();
        let (octets, count) = septets::packed(text).unwrap();
        let mut group = criterion.benchmark_group(format!("unpack {name}"));
        group.bench_function("pdu-codec", |bencher| {
            bencher.iter(|| septets::text_of(black_box(&octets), count));
        });
        group.bench_function("gsm7", |bencher| {
            bencher.iter(|| {
                let reader = gsm7::Gsm7Reader::new(black_box(&octets[..]));
                reader.filter_map(Result::ok).collect::<String>()
            });
        });
        group.finish();
    }
}

fn segment(criterion: &mut Criterion) {
    let (full, long) = (full(), long());
    let chinese = CHINESE.repeat(10);
    for (name, text) in [("full", &full), ("long", &long), ("ucs2", &chinese)] {
        let mut group = criterion.benchmark_group(format!("segment {name}"));
        group.bench_function("pdu-codec", |bencher| {
            bencher.iter(|| {
                let width = ReferenceWidth::Eight;
                Split::plan(black_box(text), AlphabetChoice::Auto, width).unwrap()
            });
        });
        group.bench_function("sms_splitter", |bencher| {
            let splitter = sms_splitter::SplitSms::default();
            bencher.iter(|| splitter.split(black_box(text).clone()));
        });
        group.bench_function("sms-pdu (encodes too)", |bencher| {
            use sms_pdu::gsm_encoding::GsmMessageData;
            bencher.iter(|| GsmMessageData::encode_message(black_box(text)));
        });
        group.finish();
    }
}

criterion_group!(compare, encode, decode, pack, segment);
criterion_main!(compare);
