//! **Verify**: one-time codes. By which rules one is made, what it is sent in, and what limits count of it.
//!
//! A code is drawn here and goes into its text here. Nobody else knows it: what is kept is a keyed hash, and the text as it
//! waits is sealed. Where a provider draws and checks codes ([`providers`]), it is asked once all is counted, and only it
//! knows them.
//!
//! Never: speaks HTTP, decides which modem sends it, keeps a code.
//! May use: `domain`, `store`.
//! Read first: [`Codes::begin`]; then `store::verification`, where a code is compared.

pub(crate) mod providers;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::OsRng;
use rand::{RngCore, TryRngCore};

pub(crate) use providers::Providers;
pub(crate) use sweep::sweep;

use crate::domain::attempt::MadeOf;
use crate::domain::texts::{Filling, TextFault, measured};
use crate::domain::verification::minutes;
use crate::domain::{
    Body, Category, Clock, Code, CodeRules, Crowd, Destination, KeyId, LastLine, Limit, Locale,
    NumberLog, Plan, Profile, ProfileName, Purpose, Redacted, RouteName, Template,
};
use crate::store::{
    Checked, CodeSent, Conversion, Counted, Counts, Ended, FailuresOf, Going, Life, LimitKey,
    NewVerification, OfNumber, Once, Retold, Store, StoreError, Submission, TextOf,
    VerificationView, Which,
};

/// Issues codes by the rules of their profiles, and compares what is typed.
#[derive(Clone)]
pub(crate) struct Codes {
    store: Store,
    rules: Arc<CodeRules>,
    providers: Providers,
    clock: Clock,
}

/// What a caller asks to be proven. What it leaves open is as the profile says.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) app: String,
    pub(crate) to: Destination,
    pub(crate) to_raw: String,
    pub(crate) purpose: Purpose,
    pub(crate) profile: ProfileName,
    pub(crate) locale: Locale,
    pub(crate) code_length: Option<u8>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) attempts: Option<u8>,
    pub(crate) template: Option<OtherText>,
    pub(crate) last_line: Option<LastLine>,
    pub(crate) client_ref: Option<String>,
    pub(crate) rate_keys: BTreeMap<String, String>,
    /// Who may carry it; `None`: nobody, unless a provider draws and sends it.
    pub(crate) crowd: Option<Crowd>,
}

/// A template of the app, in the place of the profile's text.
#[derive(Clone, Debug)]
pub(crate) struct OtherText {
    pub(crate) id: i64,
    /// In the language of the wish.
    pub(crate) template: Template,
    pub(crate) provider_template: Option<String>,
}

/// A code that is ready to be sent.
pub(crate) struct Ready {
    new: NewVerification,
    going: Going,
}

/// One that is ready to be sent for a verification that there is.
pub(crate) struct Again(Going);

/// What holds for a code beside the rules of its profile.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// That it is a code of its profile is among it; how many of these there may be is not.
    pub(crate) counts: Counts,
    pub(crate) conversion: Conversion,
    /// The key whose credit pays for it; `None`: nobody's.
    pub(crate) payer: Option<KeyId>,
}

impl Codes {
    pub(crate) fn new(
        store: Store,
        rules: Arc<CodeRules>,
        providers: Providers,
        clock: Clock,
    ) -> Self {
        Self {
            store,
            rules,
            providers,
            clock,
        }
    }

    pub(crate) fn rules(&self) -> &CodeRules {
        &self.rules
    }

    /// Draws a code and makes its text; nothing is written yet.
    ///
    /// # Errors
    /// When the text would not fit one SMS.
    pub(crate) fn begin(&self, wish: Wish, beside: Beside) -> Result<Ready, TextFault> {
        let usual = self.rules.profile(wish.profile);
        let rules = Profile {
            ttl: wish.ttl.unwrap_or(usual.ttl),
            attempts: wish.attempts.unwrap_or(usual.attempts),
            ..usual.clone()
        };
        let code_length = self.code_length(&wish);
        let provider = self.provider_of(&wish).cloned();
        let new = NewVerification {
            app: wish.app,
            to: wish.to,
            to_raw: wish.to_raw,
            purpose: wish.purpose,
            profile: wish.profile,
            code_length,
            locale: wish.locale,
            template: wish.template.as_ref().map(|text| text.id),
            last_line: wish.last_line,
            client_ref: wish.client_ref,
            rate_keys: serde_json::to_string(&wish.rate_keys)
                .expect("texts by their names are always JSON"),
            provider,
            tail: rand::random(),
            rules,
        };
        let going = self.going(
            Letter {
                app: new.app.clone(),
                to: new.to.clone(),
                to_raw: new.to_raw.clone(),
                purpose: new.purpose,
                profile: new.profile,
                locale: new.locale.clone(),
                code_length,
                ttl: new.rules.ttl,
                template: wish.template,
                last_line: new.last_line.clone(),
                client_ref: new.client_ref.clone(),
                rate_keys: wish.rate_keys,
                crowd: wish.crowd,
            },
            beside,
        )?;
        Ok(Ready { new, going })
    }

    /// The same for a verification that there is. `template`: that of [`VerificationView::template`], unless it is deleted.
    ///
    /// # Errors
    /// When the text would not fit one SMS.
    pub(crate) fn again(
        &self,
        view: &VerificationView,
        template: Option<OtherText>,
        crowd: Option<Crowd>,
        beside: Beside,
    ) -> Result<Again, TextFault> {
        let going = self.going(
            Letter {
                app: view.app.clone(),
                to: view.to.clone(),
                to_raw: view.to_raw.clone(),
                purpose: view.purpose,
                profile: view.profile,
                locale: view.locale.clone(),
                code_length: view.code_length,
                ttl: view.ttl,
                template,
                last_line: view.last_line.clone(),
                client_ref: view.client_ref.clone(),
                rate_keys: serde_json::from_str(&view.rate_keys).unwrap_or_default(),
                crowd,
            },
            beside,
        )?;
        Ok(Again(going))
    }

    fn going(&self, letter: Letter, beside: Beside) -> Result<Going, TextFault> {
        let code = Code::draw(letter.code_length, || OsRng.unwrap_err().next_u64());
        // Measured with this one; another of its length measures the same.
        let (_, plan) = measured(&letter.text(&self.rules, &code, letter.ttl))?;
        let counts = self.counts(&letter, beside.counts);
        let is_carried = letter.crowd.is_some();
        let rules = Arc::clone(&self.rules);
        let text: TextOf = Arc::new(move |code, life| letter.submission(&rules, code, life, plan));
        Ok(Going {
            code,
            text,
            is_carried,
            counts,
            conversion: beside.conversion,
            payer: beside.payer,
            clock: self.clock.clone(),
        })
    }

    /// What a code counts against: the limits of its profile for the number, and those of whatever else the caller counts
    /// by. These know no cool-down: one office may ask for two people in the same minute.
    fn counts(&self, letter: &Letter, beside: Counts) -> Counts {
        let pepper = self.store.pepper();
        let limits = &self.rules.profile(letter.profile).limits;
        let log = NumberLog::Code(letter.profile, letter.purpose);
        let shortest = limits.iter().map(Limit::window).min();
        let longer = limits
            .iter()
            .filter(|limit| limits.len() == 1 || Some(limit.window()) != shortest);
        let of_others = letter.rate_keys.iter().flat_map(|(name, value)| {
            let words = ["rate", &letter.app, letter.profile.as_str(), name, value];
            let key = LimitKey(pepper.limit_mac(&words));
            longer
                .clone()
                .map(move |limit| Counted { key, limit: *limit })
        });
        let of_number = limits.iter().map(|limit| (log, *limit));
        Counts {
            of_number: OfNumber::new(
                beside.of_number.counted_as.with(log),
                of_number.chain(beside.of_number.limits).collect(),
                &letter.to,
                pepper,
            ),
            counted: of_others.chain(beside.counted).collect(),
            at: beside.at,
        }
    }

    fn code_length(&self, wish: &Wish) -> u8 {
        wish.code_length.unwrap_or(self.rules.code_length)
    }

    /// Who draws, sends and checks the codes of this wish, so long as none for something else may live there; `None`: we
    /// do. What the wish says of the text only ours can say.
    pub(crate) fn provider_of(&self, wish: &Wish) -> Option<&RouteName> {
        if wish.template.is_some() || wish.last_line.is_some() {
            return None;
        }
        self.providers.serving(&wish.to, self.code_length(wish))
    }

    /// Sends what is ready. Not to be given up half-way: the provider may have been asked.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn send(
        &self,
        ready: Ready,
        once: Option<Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        let retold = once.as_ref().map(Retold::of);
        let begun = self
            .store
            .begin_verification(ready.new, ready.going, once)
            .await?;
        self.asked_for(begun, retold).await
    }

    /// Has a provider draw and send what is committed.
    async fn asked_for(
        &self,
        begun: CodeSent,
        retold: Option<Retold>,
    ) -> Result<CodeSent, StoreError> {
        let CodeSent::ToAsk(errand) = begun else {
            return Ok(begun);
        };
        let issued = self.providers.issue(&errand).await;
        self.store
            .settle_code(*errand, issued, retold, self.clock.clone())
            .await
    }

    /// Sends it for a verification that is pending. `app`: `None` sees all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn send_again(
        &self,
        view: VerificationView,
        again: Again,
        once: Option<Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        let retold = once.as_ref().map(Retold::of);
        let begun = self
            .store
            .resend_verification(view.id, Some(view.app), again.0, once)
            .await?;
        self.asked_for(begun, retold).await
    }

    /// Compares what was typed, or has its provider do so: not to be given up half-way. `limit`: how many wrong codes a
    /// number may have in an app.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn check(
        &self,
        which: Which,
        typed: &str,
        limit: Limit,
    ) -> Result<Checked, StoreError> {
        let pepper = self.store.pepper().clone();
        let failures: FailuresOf = Arc::new(move |app, to| Counted {
            key: LimitKey(pepper.limit_mac(&["check", app, to.as_str()])),
            limit,
        });
        let code = Code::typed(typed);
        let clock = self.clock.clone();
        let checked = self
            .store
            .check(which, code.clone(), Arc::clone(&failures), clock.clone())
            .await?;
        let Checked::ToAsk(question) = checked else {
            return Ok(checked);
        };
        let compared = self.providers.compare(&question, &code).await;
        self.store
            .settle_check(*question, compared, failures, clock)
            .await
    }

    /// Ends a verification. `app`: `None` sees all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn cancel(
        &self,
        id: crate::domain::VerificationId,
        app: Option<String>,
    ) -> Result<Ended, StoreError> {
        self.store
            .cancel_verification(id, app, self.clock.clone())
            .await
    }
}

/// Everything that a text with a code is made of, but the code.
struct Letter {
    app: String,
    to: Destination,
    to_raw: String,
    purpose: Purpose,
    profile: ProfileName,
    locale: Locale,
    code_length: u8,
    ttl: Duration,
    template: Option<OtherText>,
    last_line: Option<LastLine>,
    client_ref: Option<String>,
    rate_keys: BTreeMap<String, String>,
    crowd: Option<Crowd>,
}

impl Letter {
    fn text(&self, rules: &CodeRules, code: &Code, life: Duration) -> String {
        let template = match &self.template {
            Some(other) => &other.template,
            None => rules.texts.of(self.profile, &self.locale),
        };
        let of_profile = rules.texts.last_line(self.profile);
        let filling = Filling {
            code,
            life,
            last_line: self.last_line.as_ref().or(of_profile),
        };
        rules.texts.filled(template, &filling)
    }

    /// What a provider that knows templates only is told: the code, and for how many minutes it lives.
    fn made_of(&self, rules: &CodeRules, code: &Code, life: Life) -> MadeOf {
        let other = self.template.as_ref();
        let minutes = minutes(life.expires_at.since(life.at)).to_string();
        let mut values = vec![("code".to_owned(), code.expose().to_owned())];
        values.push(("minutes".to_owned(), minutes));
        let brand = rules.texts.brand();
        if !brand.is_empty() {
            values.push(("brand".to_owned(), brand.to_owned()));
        }
        MadeOf {
            template: other.map_or(self.profile.as_str().to_owned(), |other| {
                other.id.to_string()
            }),
            provider_template: other.and_then(|other| other.provider_template.clone()),
            values: Redacted::new(values),
        }
    }

    /// `plan`: what the text came to when it was measured.
    fn submission(&self, rules: &CodeRules, code: &Code, life: Life, plan: Plan) -> Submission {
        let text = self.text(rules, code, life.expires_at.since(life.at));
        let (body, plan) = measured(&text).unwrap_or_else(|_| (Body::stored(text), plan));
        Submission {
            app: self.app.clone(),
            to: self.to.clone(),
            to_raw: self.to_raw.clone(),
            category: Category::Otp,
            severity: None,
            body,
            encoding: plan.encoding,
            parts: 1,
            flash: false,
            ref16: false,
            via: None,
            priority: None,
            // Without one no text is made.
            crowd: self.crowd.unwrap_or(Crowd::ANYBODY),
            client_ref: self.client_ref.clone(),
            template: self.template.as_ref().map(|other| other.id),
            made_of: Some(self.made_of(rules, code, life)),
            scheduled_at: None,
            // It is worth nothing without its code.
            expires_at: life.expires_at,
            at: life.at,
            // What a code counts against is told by the step of its verification: see [`Going`].
            counts: Counts::default(),
            // It is paid for by that step, too.
            payer: None,
        }
    }
}
