//! From a section `[cloud.NAME]` to an account at its provider: secrets are read here, and what a provider would refuse of
//! the section is refused at the start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use secrecy::SecretString;
use url::Url;

use super::secrets;
use crate::cloud::generic::{Auth, ErrorRule, Recipe};
use crate::cloud::{
    CallbackBase, Cause, Provider, aliyun, dypns, generic, tencent, twilio, vonage,
};
use crate::config::{
    Cloud, CloudKind, Config, HttpRecipe, RecipeAuth, RecipeCause, SecretFrom, Sender,
};
use crate::domain::Takes;
use crate::domain::recipe::Registered;

/// Why a section makes no account: what of it, and how to mend it.
#[derive(Debug)]
pub(crate) struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider as its section describes it.
pub(super) struct Described {
    pub(super) provider: Box<dyn Provider>,
    pub(super) takes: Takes,
    /// It knows where to call back.
    pub(super) calls_back: bool,
}

/// Reads the secrets of one section.
struct Reader<'a> {
    config: &'a Config,
}

/// `public`: the base of the URLs by which we are reached from outside.
pub(super) fn describe(
    config: &Config,
    section: &Cloud,
    public: Option<&str>,
) -> Result<Described, Unusable> {
    let reader = Reader { config };
    let callbacks: CallbackBase = public.map(|base| format!("{base}/callbacks/{}", section.name));
    let callback_secret = match &section.callback_secret_file {
        Some(file) => Some(reader.secret(file)?),
        None => None,
    };
    let base_url = section.base_url.as_ref().map(written);
    let currency = config.budget.currency.clone();
    let failed = |why: &dyn fmt::Display| Unusable(why.to_string());
    let (provider, takes): (Box<dyn Provider>, Takes) = match &section.kind {
        CloudKind::Twilio(kind) => {
            let settings = twilio::Settings {
                account: kind.account.clone(),
                key: match &kind.key_file {
                    Some(file) => Some(reader.text(file)?),
                    None => None,
                },
                secret: match &kind.secret {
                    SecretFrom::File(file) => reader.secret(file)?,
                    SecretFrom::Value(secret) => secret.clone(),
                },
                sender: match &kind.sender {
                    Sender::From(from) => twilio::Sender::From(from.clone()),
                    Sender::Service(service) => twilio::Sender::Service(service.clone()),
                },
                base_url: base_url.unwrap_or_else(|| twilio::BASE_URL.to_owned()),
                callbacks: callbacks.clone(),
                callback_secret,
                currency,
            };
            let provider = twilio::Twilio::new(settings).map_err(|why| failed(&why))?;
            (Box::new(provider), Takes::Texts)
        }
        CloudKind::Vonage(kind) => {
            let settings = vonage::Settings {
                account: kind.account.clone(),
                secret: reader.secret(&kind.secret_file)?,
                from: kind.from.clone(),
                base_url: base_url.unwrap_or_else(|| vonage::BASE_URL.to_owned()),
                callbacks: callbacks.clone(),
                callback_secret,
                currency,
            };
            let provider = vonage::Vonage::new(settings).map_err(|why| failed(&why))?;
            (Box::new(provider), Takes::Texts)
        }
        CloudKind::Aliyun(kind) => {
            let settings = aliyun::Settings {
                account: kind.account.clone(),
                secret: reader.secret(&kind.secret_file)?,
                region: kind.region.clone(),
                base_url,
                sign_name: kind.sign_name.clone(),
                template_map: kind.templates.clone(),
                callback_secret,
                cost: Some(section.cost),
            };
            let provider = aliyun::Aliyun::new(settings).map_err(|why| failed(&why))?;
            (Box::new(provider), takes(&kind.templates))
        }
        CloudKind::Tencent(kind) => {
            let settings = tencent::Settings {
                account: kind.account.clone(),
                secret: reader.secret(&kind.secret_file)?,
                sdk_app_id: kind.sdk_app_id.clone(),
                region: Some(kind.region.clone()),
                base_url,
                sign_name: kind.sign_name.clone(),
                template_map: kind.templates.clone(),
                callback_secret,
                cost: Some(section.cost),
            };
            let provider = tencent::Tencent::new(settings).map_err(|why| failed(&why))?;
            (Box::new(provider), takes(&kind.templates))
        }
        CloudKind::Http(recipe) => {
            let settings = reader.recipe(recipe, callbacks.clone(), callback_secret)?;
            let provider = Recipe::parse(settings).map_err(|why| failed(&why))?;
            (Box::new(provider), Takes::Texts)
        }
    };
    Ok(Described {
        provider,
        takes,
        calls_back: callbacks.is_some(),
    })
}

/// What `verify.backend = "aliyun"` speaks to.
pub(super) fn describe_codes(config: &Config, section: &Cloud) -> Result<dypns::Dypns, Unusable> {
    let CloudKind::Aliyun(kind) = &section.kind else {
        return Err(Unusable("kind must be \"aliyun\"".into()));
    };
    let reader = Reader { config };
    let settings = dypns::Settings {
        account: kind.account.clone(),
        secret: reader.secret(&kind.secret_file)?,
        region: kind.region.clone(),
        base_url: section.base_url.as_ref().map(written),
        sign_name: kind.sign_name.clone(),
        template_map: kind.templates.clone(),
        scheme_name: kind.scheme_name.clone(),
    };
    dypns::Dypns::new(settings).map_err(|why| Unusable(why.to_string()))
}

/// Without the slash that a URL without a path ends in.
pub(super) fn written(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// An entry without a code is for a template that names the provider's itself.
fn takes(templates: &BTreeMap<String, Registered>) -> Takes {
    let with_code = templates.iter().filter(|(_, theirs)| theirs.code.is_some());
    Takes::Templates(with_code.map(|(ours, _)| ours.clone()).collect())
}

impl Reader<'_> {
    fn text(&self, file: &Path) -> Result<String, Unusable> {
        let path = self.config.secret_path(file);
        secrets::line(&path).map_err(|error| Unusable(error.to_string()))
    }

    fn secret(&self, file: &Path) -> Result<SecretString, Unusable> {
        self.text(file).map(SecretString::from)
    }

    fn recipe(
        &self,
        recipe: &HttpRecipe,
        callbacks: CallbackBase,
        callback_secret: Option<SecretString>,
    ) -> Result<generic::Settings, Unusable> {
        Ok(generic::Settings {
            method: recipe.method.clone(),
            url: recipe.url.clone(),
            content_type: recipe.content_type.clone(),
            headers: recipe.headers.clone(),
            body: recipe.body.clone(),
            auth: self.auth(&recipe.auth)?,
            from: recipe.from.clone(),
            success: recipe.success.clone(),
            id_pointer: recipe.id_pointer.clone(),
            errors: recipe
                .errors
                .iter()
                .map(|rule| ErrorRule {
                    when: rule.when.clone(),
                    is: cause(rule.is),
                })
                .collect(),
            report: recipe.report.clone(),
            callbacks,
            callback_secret,
        })
    }

    fn auth(&self, auth: &RecipeAuth) -> Result<Auth, Unusable> {
        Ok(match auth {
            RecipeAuth::None => Auth::None,
            RecipeAuth::Basic {
                account,
                secret_file,
            } => Auth::Basic {
                account: account.clone(),
                secret: self.secret(secret_file)?,
            },
            RecipeAuth::Bearer { secret_file } => Auth::Bearer {
                secret: self.secret(secret_file)?,
            },
            RecipeAuth::Header {
                auth_header,
                secret_file,
            } => Auth::Header {
                name: auth_header.clone(),
                secret: self.secret(secret_file)?,
            },
            RecipeAuth::Hmac {
                auth_header,
                auth_format,
                secret_file,
            } => Auth::Hmac {
                name: auth_header.clone(),
                format: auth_format.clone(),
                secret: self.secret(secret_file)?,
            },
        })
    }
}

fn cause(written: RecipeCause) -> Cause {
    match written {
        RecipeCause::Template => Cause::Template,
        RecipeCause::Number => Cause::Number,
        RecipeCause::Params => Cause::Params,
        RecipeCause::Busy | RecipeCause::Retry => Cause::Busy,
        RecipeCause::Funds => Cause::Funds,
        RecipeCause::Config => Cause::Config,
    }
}
