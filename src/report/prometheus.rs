//! The rollout as metrics, in the text format of Prometheus and `OpenMetrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::error::{Error, Result};
use crate::rollout::Status;

/// The labels of one sample.
type Labels = Vec<(&'static str, String)>;

/// A family of gauges with a name and a meaning.
struct Metrics(Registry);

impl Metrics {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floating-point numbers only")]
    fn numbers(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, u64)>) {
        self.gauges(name, help, samples.into_iter().map(|(labels, value)| (labels, value as f64)));
    }

    fn gauges(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }
}

/// Returns how far a rollout is as metrics: counts of accounts, settings, keys, waves and workers. No metric names an account.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it can't be written.
pub fn rollout(status: &Status) -> Result<String> {
    let mut all = Metrics(Registry::with_prefix("keyward"));
    let none = Labels::new;
    all.numbers("accounts", "Accounts there are", [(none(), status.accounts)]);
    all.numbers("eligible_accounts", "Accounts without a setting of their own", [(none(), status.eligible)]);
    all.numbers(
        "settings",
        "Accounts with a setting of their own, by where it came from",
        status
            .settings
            .iter()
            .map(|one| (vec![("source", one.source.clone()), ("enabled", one.enabled.to_string())], one.accounts)),
    );
    all.numbers(
        "keys",
        "Keys, by where they are: sealed, published, published in enabled accounts, published in rows without an account",
        status.keys.iter().flat_map(|key| {
            [
                ("sealed", key.sealed),
                ("published", key.published),
                ("published_enabled", key.published_enabled),
                ("published_unknown", key.published_unknown),
            ]
            .map(|(state, number)| (vec![("key", key.name.to_string()), ("state", state.to_owned())], number))
        }),
    );
    all.numbers("policy_mode", "1 for the mode that the guards are in", [(vec![("mode", status.policy.mode.clone())], 1)]);
    all.numbers("default_enabled", "Whether the setting is the default", [(none(), status.policy.default_enabled.into())]);
    all.numbers("rollout_paused", "Whether the rollout is paused", [(none(), status.control.paused.into())]);
    all.numbers("parked_accounts", "Accounts that could not be changed", [(none(), status.parked_accounts)]);
    let wave = |wave: &crate::rollout::Wave| vec![("wave", wave.id.to_string()), ("kind", wave.kind.clone())];
    all.numbers(
        "wave_accounts",
        "Accounts whose setting a wave has changed",
        status.waves.iter().map(|one| (wave(one), one.accounts)),
    );
    all.numbers(
        "wave_total_accounts",
        "Accounts before a wave when it began",
        status.waves.iter().map(|one| (wave(one), one.total)),
    );
    all.numbers("wave_keys", "Keys that a wave has moved", status.waves.iter().map(|one| (wave(one), one.keys)));
    all.numbers(
        "wave_in_use_accounts",
        "Accounts that a wave has left for later",
        status.waves.iter().map(|one| (wave(one), one.in_use)),
    );
    all.numbers(
        "wave_state",
        "1 for the state that a wave is in",
        status.waves.iter().map(|one| {
            let mut labels = wave(one);
            labels.push(("state", one.state.clone()));
            (labels, 1)
        }),
    );
    all.gauges(
        "wave_accounts_per_second",
        "Accounts per second of a wave's workers",
        status.waves.iter().filter(|one| one.state == "running").map(|one| (wave(one), status.rate(one))),
    );

    all.numbers(
        "workers",
        "Workers that are alive, by what they do",
        ["working", "throttled", "paused"].map(|state| {
            let number = status.workers.iter().filter(|worker| worker.state == state).count();
            (vec![("state", state.to_owned())], number as u64)
        }),
    );
    let mut text = String::new();
    encode(&mut text, &all.0).map_err(|error| Error::bug("metrics can't be written").with_source(error))?;
    Ok(text)
}
