//! Providers that draw, send and check codes themselves (semantics §7, backend `aliyun`).
//!
//! Never: sends a code again of which nobody knows whether it was sent, asks before what counts is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use crate::domain::code_provider::{CodeProvider, Compared, Issued, Refused, Trouble, Wanted};
use crate::domain::{Code, Destination, RouteName};
use crate::store::{Errand, Question};

/// Every account that may know codes, and the one that draws new ones. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers {
    /// `verify.cloud`, with `verify.backend = "aliyun"`.
    first: Option<RouteName>,
    all: Arc<BTreeMap<RouteName, Arc<dyn CodeProvider>>>,
}

impl Providers {
    /// `first`: the one that draws new codes; the others are there for those that they drew under another config.
    pub(crate) fn new(
        first: Option<RouteName>,
        all: BTreeMap<RouteName, Arc<dyn CodeProvider>>,
    ) -> Self {
        Self {
            first,
            all: Arc::new(all),
        }
    }

    /// Who draws a new code for this number; `None`: we do.
    pub(super) fn serving(&self, to: &Destination, code_length: u8) -> Option<&RouteName> {
        let name = self.first.as_ref()?;
        let provider = self.all.get(name)?;
        provider.serves(to, code_length).then_some(name)
    }

    pub(super) async fn issue(&self, errand: &Errand) -> Issued {
        let Some(provider) = self.all.get(&errand.provider) else {
            warn!(provider = errand.provider.as_str(), "{GONE}");
            return Issued::No(Refused {
                whose: Trouble::Operator,
                said: GONE.into(),
                wait: None,
            });
        };
        let wanted = Wanted {
            to: &errand.to,
            profile: errand.profile.as_str(),
            reference: errand.id.as_str(),
            code_length: errand.code_length,
            ttl: errand.ttl,
            earlier: errand.earlier,
        };
        provider.issue(wanted).await
    }

    pub(super) async fn compare(&self, question: &Question, typed: &Code) -> Compared {
        match self.all.get(&question.provider) {
            Some(provider) => provider.compare(&question.to, typed).await,
            None => {
                warn!(provider = question.provider.as_str(), "{GONE}");
                Compared::NotAsked(GONE.into())
            }
        }
    }
}

const GONE: &str = "a verification's codes are known to this provider only, and it is no section of the config any more, or not \
                    enabled";
