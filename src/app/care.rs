//! What of the configuration is for the care of SIMs.

use std::pin::pin;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::care::{BalanceRule, Care, KeepAliveRule, Rules};
use crate::config::{Config, Modem};

/// `modems`: those that are run.
pub(super) fn rules(config: &Config, modems: &[Modem]) -> Rules {
    let care = &config.sim_care;
    let balance = |modem: &Modem| {
        let balance = modem.balance.clone()?;
        Some(BalanceRule {
            modem: modem.name.clone(),
            code: balance.code,
            regex: balance.regex,
            min: balance.min,
            every: balance.every,
        })
    };
    Rules {
        balances: modems.iter().filter_map(balance).collect(),
        keep_alive: care.keep_alive_after.map(|after| KeepAliveRule {
            after,
            to: care.keep_alive_to.clone(),
            text: care.keep_alive_text.clone(),
        }),
        loopback_every: care.loopback_every,
        numbers: config.numbers,
        categories: modems
            .iter()
            .map(|modem| (modem.name.clone(), modem.categories))
            .collect(),
    }
}

/// Runs until `stop`, and begins anew when the rules are others: what is under way then is asked for again when its
/// time comes.
pub(super) async fn keep(care: Care, mut rules: watch::Receiver<Rules>, stop: CancellationToken) {
    loop {
        let end = stop.child_token();
        let rules_now = rules.borrow_and_update().clone();
        let now = Care {
            rules: rules_now,
            ..care.clone()
        };
        let mut running = pin!(now.run(end.clone()));
        tokio::select! {
            // Without a rule there is nothing to do.
            () = &mut running => {}
            Ok(()) = rules.changed() => {
                end.cancel();
                running.await;
                continue;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = rules.changed() => if changed.is_err() {
                return;
            },
        }
    }
}
