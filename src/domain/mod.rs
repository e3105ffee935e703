//! **Domain**: the vocabulary that every other room speaks.
//!
//! Numbers, texts, messages and their state machines, what a network says, what a modem is.
//!
//! Never: does IO, reads a clock, knows SQL, JSON or HTTP.
//! May use: `pdu-codec` (types).
//! Read first: [`message`], the life of a message as a table.

pub mod addressee;
pub mod allowance;
pub mod assembly;
pub mod attempt;
pub mod batch;
pub mod body;
pub mod callback;
pub mod carrier;
pub mod code;
pub mod code_provider;
pub mod counted;
pub mod destination;
pub mod event;
pub mod fleet_view;
pub mod forget;
pub mod guard;
pub mod id;
pub mod inbound;
pub mod key;
pub mod limit;
pub mod lookback;
pub mod manners;
pub mod message;
pub mod money;
pub mod preference;
pub mod quiet;
pub mod recipe;
pub mod redact;
mod region;
pub mod report;
pub mod route;
pub mod seal;
pub mod setback;
pub mod sought;
pub mod suppression;
pub mod template;
pub mod texts;
pub mod time;
pub mod ussd;
pub mod verification;
pub mod wording;

pub use addressee::Addressee;
pub use allowance::{Allowances, Surface};
pub use batch::BatchState;
pub use body::{Body, Encoding, InvalidText, Plan, Preview};
pub use carrier::{Carrier, Outcome, Stopped, Submit, Ticket, Word};
pub use code::{Code, CodeMac};
pub use counted::{CountedAs, NumberLog};
pub use destination::{Destination, InvalidNumber, Msisdn, NumberRules, ShortCode};
pub use event::{Event, EventKind};
pub use fleet_view::{FleetView, ModemState, ModemStatus, Network};
pub use guard::{Countries, Guard};
pub use id::{BatchId, MessageId, MessageSeq, ModemName, PartNumber, SimId};
pub use inbound::{InboundEncoding, InboundId, InboundPart, PduDigest, Place, Sender};
pub use key::{App, Key, KeyHash, KeyId, Scope};
pub use limit::Limit;
pub use lookback::Lookback;
pub use manners::Manners;
pub use message::{
    Category, Change, MessageState, PartState, Pending, PendingCode, Policy, Priority, Severity,
};
pub use money::Money;
pub use preference::{Preferences, Skip};
pub use quiet::{Curfew, QuietHours, TimeOfDay};
pub use redact::Redacted;
pub use report::{Report, ReportMeaning};
pub use route::{
    Categories, Crowd, Patience, Prefixes, RouteKind, RouteName, Slot, Takes, Terms, Via,
};
pub use seal::{Pepper, Sealed};
pub use setback::{Blame, Setback};
pub use sought::Sought;
pub use suppression::{Reason, StopRules};
pub use template::{Template, Variable};
pub use texts::{LastLine, Texts};
pub use time::{Clock, UnixMillis};
pub use ussd::UssdCode;
pub use verification::{
    CodeRules, Profile, ProfileName, Purpose, Resend, VerificationId, VerificationState,
};
pub use wording::Locale;

pub use pdu_codec::{MessageReference, Reference, Status, Stranger};
