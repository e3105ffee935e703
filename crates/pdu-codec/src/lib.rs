//! **pdu-codec**: the TPDUs of the short message service, octets to types and back.
//!
//! A message that a modem shows or takes in PDU mode is an [`Envelope`]: the service centre's address, then a
//! TPDU. [`Tpdu::decode`] reads the TPDU; [`Submit::texts`] makes one for every part of a text.
//!
//! Never: talks to a modem, joins parts, keeps state, asks the clock. It has no dependency, needs `alloc` only,
//! and gives an answer in linear time to any octets whatsoever.
//!
//! ```
//! use pdu_codec::{Address, AlphabetChoice, Envelope, Submit, SubmitOptions, Tpdu};
//!
//! // To the modem: AT+CMGS=24, and after its prompt the octets.
//! let to = Address::parse("+27820001111").unwrap();
//! let parts = Submit::texts(&to, "Hello World!", AlphabetChoice::Auto, &SubmitOptions::default()).unwrap();
//! let envelope = Envelope::new(None, parts[0].encode());
//! assert_eq!(envelope.cmgs_length(), 24);
//! assert_eq!(envelope.to_hex(), "0001000B917228001011F100000CC8329BFD065DDF72363904");
//!
//! // From the modem.
//! let pdu = "07911326040000F0040B911346610089F60000208062917314480CC8F71D14969741F977FD07";
//! let envelope = Envelope::from_hex(pdu).unwrap();
//! let Ok(Tpdu::Deliver(deliver)) = Tpdu::decode(&envelope.tpdu) else { panic!("a deliver") };
//! assert_eq!(deliver.originator.number(), "+31641600986");
//! assert_eq!(deliver.user_data.text(), Some("How are you?"));
//! ```
//!
//! # Where the specifications are
//!
//! | clause | what | module |
//! | --- | --- | --- |
//! | 23.040 §9.1.2.5 | address fields | [`address`] |
//! | 23.040 §9.2.2.1 | SMS-DELIVER | [`deliver`] |
//! | 23.040 §9.2.2.2 | SMS-SUBMIT | [`submit`] |
//! | 23.040 §9.2.2.1a, §9.2.2.2a | SMS-DELIVER-REPORT, SMS-SUBMIT-REPORT | [`report`] |
//! | 23.040 §9.2.2.3 | SMS-STATUS-REPORT | [`status_report`] |
//! | 23.040 §9.2.3.1 | TP-MTI, which of the three it is | [`tpdu`] |
//! | 23.040 §9.2.3.11 | time stamps | [`timestamp`] |
//! | 23.040 §9.2.3.12 | validity period | [`validity`] |
//! | 23.040 §9.2.3.15 | TP-ST | [`status`] |
//! | 23.040 §9.2.3.24 | user data and its header | [`user_data`], [`udh`], [`split`] |
//! | 23.038 §4 | data coding scheme | [`dcs`] |
//! | 23.038 §6.1.2.1, §6.2.1 | septets, default alphabet | [`gsm7`] |
//! | 23.038 §6.2.1.2, annex A | national languages | [`language`] |
//! | 23.038 §6.2.3 | UCS2 | `ucs2` |
//! | 27.005 §3.1, §4.3 | PDU mode: service centre prefix, hexadecimal, the length of +CMGS | [`envelope`] |

#![no_std]

extern crate alloc;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod address;
pub mod dcs;
pub mod deliver;
pub mod envelope;
pub mod error;
pub mod gsm7;
pub mod language;
pub mod report;
pub mod split;
pub mod status;
pub mod status_report;
pub mod submit;
pub mod timestamp;
pub mod tpdu;
pub mod transliterate;
pub mod udh;
pub mod user_data;
pub mod validity;

mod reader;
mod semi_octet;
mod ucs2;

pub use address::{Address, AddressError, NumberingPlan, TypeOfNumber};
pub use dcs::{Alphabet, Class, DataCoding, MessageWaiting, WaitingKind};
pub use deliver::Deliver;
pub use envelope::{Envelope, hex_from_octets, octets_from_hex};
pub use error::{DecodeError, EncodeError, Malformed, NotEncodable, Stranger};
pub use gsm7::Septets;
pub use language::{Language, NationalTables, Shift};
pub use report::{DeliverReport, FailureCause, Parameters, SubmitReport, Verdict};
pub use split::{AlphabetChoice, Piece, ReferenceWidth, Split};
pub use status::{Status, StatusClass};
pub use status_report::StatusReport;
pub use submit::{Submit, SubmitOptions};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use tpdu::{MessageReference, Tpdu};
pub use transliterate::plain_typography;
pub use udh::{Concatenation, Element, Ports, Reference, UserDataHeader};
pub use user_data::UserData;
pub use validity::{EnhancedPeriod, EnhancedValidity, RelativeValidity, Validity};
