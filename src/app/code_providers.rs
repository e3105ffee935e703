//! Accounts that draw, send and check codes themselves, from the sections of kind aliyun; and what Aliyun would refuse of
//! templates that carry codes of ours, said at the start and when a template is made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::StartError;
use super::accounts::describe_codes;
use crate::cloud::code_account::CodeAccount;
use crate::cloud::code_templates;
use crate::config::{Cloud, CloudKind, Config};
use crate::domain::code_provider::{CodeProvider, Earlier, Wanted};
use crate::domain::recipe::Registered;
use crate::domain::{Category, Clock, Destination, ProfileName, RouteName, Variable};
use crate::http::TemplateWarning;
use crate::https::{self, Client};
use crate::store::TemplateView;

/// By their names, and the one that draws new codes.
pub(super) type CodeProviders = (
    Option<RouteName>,
    BTreeMap<RouteName, Arc<dyn CodeProvider>>,
);

/// `template_map` of a section.
type Templates = BTreeMap<String, Registered>;

/// Every section that could know codes: those that were drawn under another config are checked where they are.
pub(super) fn code_providers(
    config: &Config,
    sections: &[Cloud],
    ca_pem: &Option<Vec<u8>>,
    clock: &Clock,
) -> Result<CodeProviders, StartError> {
    let first = config.verify_cloud.as_ref();
    let mut all: BTreeMap<RouteName, Arc<dyn CodeProvider>> = BTreeMap::new();
    let enabled = sections.iter().filter(|section| section.enabled);
    for section in enabled.filter(|section| matches!(section.kind, CloudKind::Aliyun(_))) {
        let is_first = first == Some(&section.name);
        match account(config, section, ca_pem, clock) {
            Ok(account) => {
                if is_first {
                    examine(config, section, &account)?;
                }
                all.insert(account.name.clone(), Arc::new(account));
            }
            Err(why) if is_first => return Err(why),
            Err(why) => info!(%why, "this section is no account for codes"),
        }
    }
    Ok((first.map(RouteName::of_cloud), all))
}

fn account(
    config: &Config,
    section: &Cloud,
    ca_pem: &Option<Vec<u8>>,
    clock: &Clock,
) -> Result<CodeAccount, StartError> {
    let unusable = |why: String| StartError::Provider {
        name: section.name.clone(),
        why,
    };
    let dypns = describe_codes(config, section).map_err(|why| unusable(why.to_string()))?;
    let client = Client::new(&https::Settings {
        ca_pem: ca_pem.clone(),
        proxy: section.proxy.clone(),
    })
    .map_err(|why| unusable(why.to_string()))?;
    Ok(CodeAccount {
        name: RouteName::of_cloud(&section.name),
        dypns,
        client,
        timeout: section.timeout,
        clock: clock.clone(),
    })
}

/// Says which codes this account will not send; with none left, the gateway does not start.
fn examine(config: &Config, section: &Cloud, account: &CodeAccount) -> Result<(), StartError> {
    let to = Destination::stored("+8613800138000");
    let to = to.expect("a number in E.164 form is a destination");
    let rules = &config.codes;
    if !account.serves(&to, rules.code_length) {
        warn!(
            section = %section.name,
            code_length = rules.code_length,
            "verify.code_length: the provider draws codes of 4 to 8 digits; others are drawn here and sent as texts"
        );
        return Ok(());
    }
    let objections: Vec<(ProfileName, String)> = ProfileName::ALL
        .into_iter()
        .filter_map(|profile| {
            let wanted = Wanted {
                to: &to,
                profile: profile.as_str(),
                reference: "",
                code_length: rules.code_length,
                ttl: Duration::from_secs(300),
                earlier: Earlier::Die,
            };
            Some((profile, account.objection(&wanted)?))
        })
        .collect();
    for (profile, why) in &objections {
        let profile = profile.as_str();
        warn!(section = %section.name, profile, why, "no code of this profile can be sent to +86");
    }
    for profile in ProfileName::ALL {
        if rules.texts.last_line(profile).is_some() {
            let profile = profile.as_str();
            warn!(
                section = %section.name,
                profile,
                "the provider's template has no last line for domain or app_hash: its codes go without"
            );
        }
    }
    let are_all = objections.len() == ProfileName::ALL.len();
    match objections.into_iter().next().filter(|_| are_all) {
        None => Ok(()),
        Some((_, why)) => Err(StartError::Provider {
            name: section.name.clone(),
            why,
        }),
    }
}

/// What Aliyun would refuse of the templates that its sections register for codes of a profile.
pub(super) fn warn_of_templates(config: &Config, sections: &[Cloud]) {
    for (section, templates) in aliyun(sections) {
        for profile in ProfileName::ALL {
            let Some(theirs) = templates.get(profile.as_str()) else {
                continue;
            };
            if !theirs.code.as_deref().is_some_and(is_of_texts) {
                continue;
            }
            let mut usual = vec!["code", "minutes"];
            usual.extend((!config.codes.texts.brand().is_empty()).then_some("brand"));
            let length = Some(config.codes.code_length.into());
            let why =
                code_templates::warning(profile.as_str(), &told(Some(theirs), &usual), length);
            if let Some(why) = why {
                warn!(section = %section.name, why, "a template of codes may be refused");
            }
        }
    }
}

/// The same of a template that is made while the gateway runs, if it carries codes and goes by one of these sections.
pub(super) fn template_warning(config: &Config, sections: &[Cloud]) -> TemplateWarning {
    let known: Vec<Templates> = aliyun(sections).map(|(_, one)| one.clone()).collect();
    let code_length = usize::from(config.codes.code_length);
    Arc::new(move |view| {
        known
            .iter()
            .find_map(|templates| warning_of(templates, view, code_length))
    })
}

fn warning_of(templates: &Templates, view: &TemplateView, code_length: usize) -> Option<String> {
    let names = view.template.variables().iter().map(Variable::as_str);
    let names: Vec<&str> = names.collect();
    let carries_codes = view.category == Some(Category::Otp) || names.contains(&"code");
    let id = view.id.to_string();
    let theirs = templates.get(&id);
    let registered = theirs.and_then(|theirs| theirs.code.as_deref());
    let code = view.provider_template_id.as_deref().or(registered);
    if !carries_codes || !code.is_some_and(is_of_texts) {
        return None;
    }
    code_templates::warning(&id, &told(theirs, &names), Some(code_length))
}

/// Of the templates of Dysmsapi; those that Dypnsapi fills with codes of its own are numbers.
fn is_of_texts(code: &str) -> bool {
    code.starts_with("SMS_")
}

fn told<'a>(theirs: Option<&'a Registered>, ours: &[&'a str]) -> Vec<&'a str> {
    match theirs.and_then(|theirs| theirs.variables.as_ref()) {
        Some(listed) => listed.iter().map(String::as_str).collect(),
        None => ours.to_vec(),
    }
}

fn aliyun(sections: &[Cloud]) -> impl Iterator<Item = (&Cloud, &Templates)> {
    let enabled = sections.iter().filter(|section| section.enabled);
    enabled.filter_map(|section| match &section.kind {
        CloudKind::Aliyun(kind) => Some((section, &kind.templates)),
        _ => None,
    })
}
