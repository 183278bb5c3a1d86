//! What the stand-in saw of leadership and of scalings, each noted in the moment in which it happened.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::store::Answer;

/// One scaling that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// Who asked for it.
    pub(super) token: String,
    pub(super) to: u64,
    /// Whose the Lease was then, and whether it had run out.
    pub(super) holder: Option<(String, bool)>,
}

/// Of one function; the Alertmanager's Lease is not told from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Who wrote the Lease last, when, and for how long.
    holder: Option<(String, Instant, Duration)>,
    /// Each that held it, one after another.
    pub(super) reigns: Vec<String>,
    pub(super) scalings: Vec<Scaling>,
    /// Scalings that were refused, conflicts too.
    pub(super) refused: u32,
}

impl Ledger {
    pub(super) fn note(&mut self, token: &str, (method, resource): (&str, &str), (code, object): &Answer) {
        let (now, is_good) = (Instant::now(), *code < 300);
        match (method, resource) {
            ("DELETE", "leases") if is_good => self.holder = None,
            ("POST" | "PUT", "leases") if is_good => {
                let spec = &object["spec"];
                if spec["holderIdentity"].as_str().is_none_or(str::is_empty) {
                    self.holder = None;
                    return;
                }
                let lasts = Duration::from_secs(spec["leaseDurationSeconds"].as_u64().unwrap_or(0));
                if self.holder.as_ref().is_none_or(|(holder, ..)| holder != token) {
                    self.reigns.push(token.to_owned());
                }
                self.holder = Some((token.to_owned(), now, lasts));
            }
            ("PUT", "deployments/scale") if is_good => {
                let holder = self.holder.as_ref().map(|(holder, at, lasts)| (holder.clone(), now - *at > *lasts));
                let to = replicas(object);
                self.scalings.push(Scaling { token: token.to_owned(), to, holder });
            }
            ("PUT", "deployments/scale") => self.refused += 1,
            _ => {}
        }
    }

    /// What one of them was granted.
    pub(super) fn by(&self, token: &str) -> Vec<u64> {
        self.scalings.iter().filter(|scaling| scaling.token == token).map(|scaling| scaling.to).collect()
    }
}

fn replicas(scale: &Value) -> u64 {
    scale["spec"]["replicas"].as_u64().unwrap_or(u64::MAX)
}
