//! One account at Dypnsapi, as `verify` asks it: each wish is one request, and each question is one.
//!
//! Never: writes a request twice, keeps or logs a code, decides how often one may be checked.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tracing::{error, warn};

use super::carrier::{moment, tell_the_operator};
use super::dypns::{Checked, Dypns};
use super::{Cause, Refusal, Verdict};
use crate::domain::code_provider::{CodeProvider, Compared, Issued, Refused, Trouble, Wanted};
use crate::domain::{Clock, Code, Destination, RouteName};
use crate::https::{CallError, Client};

/// What an account is made of.
pub(crate) struct CodeAccount {
    /// Of its section.
    pub(crate) name: RouteName,
    pub(crate) dypns: Dypns,
    pub(crate) client: Client,
    /// Of a whole request, from the first octet to the last of its answer.
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
}

impl CodeAccount {
    /// Why a code that is wished for like this would never be sent; asked at the start.
    pub(crate) fn objection(&self, wanted: &Wanted<'_>) -> Option<String> {
        self.dypns
            .send(wanted, &moment(&self.clock))
            .err()
            .map(|unfit| unfit.0)
    }

    async fn sent(&self, wanted: &Wanted<'_>) -> Issued {
        let route = self.name.as_str();
        let request = match self.dypns.send(wanted, &moment(&self.clock)) {
            Ok(request) => request,
            Err(unfit) => {
                error!(route, why = unfit.0, "a code cannot be asked for");
                return Issued::No(refused(Trouble::Operator, unfit.0));
            }
        };
        match self.client.call(request, self.timeout).await {
            Ok(answer) => self.issued(Dypns::sent(&answer)),
            Err(CallError::NotWritten(why)) => {
                warn!(route, why, "the provider of codes is not reached");
                Issued::No(refused(Trouble::Unreachable, why))
            }
            Err(CallError::Lost(why)) => self.unknown(why),
        }
    }

    fn issued(&self, verdict: Verdict) -> Issued {
        match verdict {
            Verdict::Accepted(_) => Issued::Yes,
            Verdict::Refused(refusal) => {
                tell_the_operator(&self.name, &refusal);
                let (route, said) = (self.name.as_str(), refusal.said.as_str());
                warn!(route, said, "the provider refused to send a code");
                Issued::No(no(refusal))
            }
            Verdict::Unknown(why) => self.unknown(why),
        }
    }

    fn unknown(&self, why: String) -> Issued {
        let route = self.name.as_str();
        warn!(
            route,
            why, "whether a code was sent is not known; it is not sent again by itself"
        );
        Issued::Unknown(why)
    }

    async fn checked(&self, to: &Destination, typed: &Code) -> Compared {
        let request = match self.dypns.check(to, typed, &moment(&self.clock)) {
            Ok(Some(request)) => request,
            Ok(None) => return Compared::Wrong,
            Err(unfit) => return Compared::NotAsked(unfit.0),
        };
        let compared = match self.client.call(request, self.timeout).await {
            Ok(answer) => match Dypns::checked(&answer) {
                Checked::Right => return Compared::Right,
                Checked::Wrong => return Compared::Wrong,
                Checked::Unanswered { said, cause } => {
                    if let Some(cause) = cause {
                        let said = said.clone();
                        tell_the_operator(
                            &self.name,
                            &Refusal {
                                cause,
                                said,
                                wait: None,
                            },
                        );
                    }
                    Compared::Unanswered(said)
                }
            },
            Err(CallError::NotWritten(why)) => Compared::NotAsked(why),
            Err(CallError::Lost(why)) => Compared::Unanswered(why),
        };
        if let Compared::NotAsked(why) | Compared::Unanswered(why) = &compared {
            let route = self.name.as_str();
            warn!(route, why, "a code could not be checked at its provider");
        }
        compared
    }
}

impl CodeProvider for CodeAccount {
    fn serves(&self, to: &Destination, code_length: u8) -> bool {
        Dypns::serves(to, code_length)
    }

    fn issue<'a>(
        &'a self,
        wanted: Wanted<'a>,
    ) -> Pin<Box<dyn Future<Output = Issued> + Send + 'a>> {
        Box::pin(async move { self.sent(&wanted).await })
    }

    fn compare<'a>(
        &'a self,
        to: &'a Destination,
        typed: &'a Code,
    ) -> Pin<Box<dyn Future<Output = Compared> + Send + 'a>> {
        Box::pin(self.checked(to, typed))
    }
}

impl fmt::Debug for CodeAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CodeAccount").field(&self.name).finish()
    }
}

fn refused(whose: Trouble, said: String) -> Refused {
    Refused {
        whose,
        said,
        wait: None,
    }
}

fn no(refusal: Refusal) -> Refused {
    let whose = match refusal.cause {
        Cause::Number => Trouble::Number,
        Cause::Busy | Cause::NumberLimit => Trouble::TooMany,
        Cause::Template
        | Cause::Params
        | Cause::Funds
        | Cause::OptedOut
        | Cause::Config
        | Cause::Clock
        | Cause::Other => Trouble::Operator,
    };
    Refused {
        wait: refusal.wait,
        ..refused(whose, refusal.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_trouble_of_who_can_mend_it() {
        for (cause, whose) in [
            (Cause::Number, Trouble::Number),
            (Cause::NumberLimit, Trouble::TooMany),
            (Cause::Busy, Trouble::TooMany),
            (Cause::Funds, Trouble::Operator),
            (Cause::Config, Trouble::Operator),
            (Cause::Clock, Trouble::Operator),
            (Cause::Template, Trouble::Operator),
            (Cause::Other, Trouble::Operator),
        ] {
            let wait = Some(Duration::from_secs(3600));
            let said = "isv.SOMETHING".to_owned();
            let refused = no(Refusal { cause, said, wait });
            assert_eq!((refused.whose, refused.wait), (whose, wait), "{cause:?}");
        }
    }
}
