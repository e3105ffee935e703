//! **Magic**: recipients to whom something happens without an order, by their last five digits.

use crate::fault::{Fault, Why};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Magic {
    /// The last five digits.
    pub digits: &'static str,
    /// What happens, as for `Order::fault`, one after the other.
    pub faults: fn() -> Vec<Fault>,
    pub meaning: &'static str,
}

fn refuse(why: Why) -> Vec<Fault> {
    vec![Fault::Refuse { why }]
}

/// In the order of the digits.
pub const MAGIC: &[Magic] = &[
    Magic {
        digits: "99001",
        faults: || refuse(Why::Number),
        meaning: "refused: the number",
    },
    Magic {
        digits: "99002",
        faults: || refuse(Why::Template),
        meaning: "refused: the template",
    },
    Magic {
        digits: "99003",
        faults: || refuse(Why::Params),
        meaning: "refused: the text or its values",
    },
    Magic {
        digits: "99004",
        faults: || refuse(Why::Busy),
        meaning: "refused: too much at once",
    },
    Magic {
        digits: "99005",
        faults: || refuse(Why::Funds),
        meaning: "refused: no funds",
    },
    Magic {
        digits: "99006",
        faults: || refuse(Why::OptedOut),
        meaning: "refused: the recipient has opted out",
    },
    Magic {
        digits: "99007",
        faults: || refuse(Why::Config),
        meaning: "refused: sender, sign or permission",
    },
    Magic {
        digits: "99008",
        faults: || refuse(Why::NumberLimit),
        meaning: "refused: too many to this number",
    },
    Magic {
        digits: "99009",
        faults: || vec![Fault::RateLimited { retry_after_s: 2 }],
        meaning: "refused: rate, with Retry-After 2",
    },
    Magic {
        digits: "99011",
        faults: || {
            vec![Fault::ServerError {
                status: 500,
                taken: false,
            }]
        },
        meaning: "500, not taken",
    },
    Magic {
        digits: "99012",
        faults: || vec![Fault::BadGateway { taken: false }],
        meaning: "502 in HTML, not taken",
    },
    Magic {
        digits: "99013",
        faults: || vec![Fault::Empty { taken: true }],
        meaning: "taken, an empty answer",
    },
    Magic {
        digits: "99014",
        faults: || vec![Fault::Garbled { taken: true }],
        meaning: "taken, half an answer",
    },
    Magic {
        digits: "99015",
        faults: || {
            vec![Fault::ServerError {
                status: 500,
                taken: true,
            }]
        },
        meaning: "taken, then 500",
    },
    Magic {
        digits: "99016",
        faults: || vec![Fault::Close { taken: true }],
        meaning: "taken, then the connection closed",
    },
    Magic {
        digits: "99017",
        faults: || vec![Fault::Close { taken: false }],
        meaning: "not taken, the connection closed",
    },
    Magic {
        digits: "99018",
        faults: || vec![Fault::Hang { taken: false }],
        meaning: "no answer, not taken",
    },
    Magic {
        digits: "99019",
        faults: || vec![Fault::Hang { taken: true }],
        meaning: "no answer, taken",
    },
    Magic {
        digits: "99020",
        faults: || vec![Fault::Slow { ms: 3000 }],
        meaning: "answered after 3 s",
    },
    Magic {
        digits: "99031",
        faults: || vec![Fault::Undelivered { code: None }],
        meaning: "reported as not delivered",
    },
    Magic {
        digits: "99032",
        faults: || vec![Fault::SentIsLast],
        meaning: "never reported, sent to a query too",
    },
    Magic {
        digits: "99033",
        faults: || vec![Fault::ReportWithheld],
        meaning: "never called back, delivered to a query",
    },
    Magic {
        digits: "99034",
        faults: || vec![Fault::ReportTwice],
        meaning: "every report twice",
    },
    Magic {
        digits: "99035",
        faults: || vec![Fault::ReportBackwards],
        meaning: "the last report first",
    },
    Magic {
        digits: "99036",
        faults: || vec![Fault::ReportForged],
        meaning: "a forged report before the true ones",
    },
    Magic {
        digits: "99037",
        faults: || vec![Fault::ReportEarly],
        meaning: "the reports before the answer",
    },
    Magic {
        digits: "99041",
        faults: || vec![Fault::Close { taken: true }, Fault::QueryFindsNothing],
        meaning: "taken, the connection closed, and a query finds nothing",
    },
    Magic {
        digits: "99042",
        faults: || {
            vec![
                Fault::Close { taken: true },
                Fault::QueryUnavailable { status: 503 },
            ]
        },
        meaning: "taken, the connection closed, and a query gets 503",
    },
];

/// What happens to this recipient.
pub(crate) fn of(to: &str) -> Vec<Fault> {
    let found = MAGIC.iter().find(|magic| to.ends_with(magic.digits));
    found.map_or_else(Vec::new, |magic| (magic.faults)())
}
