//! What broke of an arm, or under it, in mid-run: reasons why the run is no measurement of it.

/// Each thing once; the first few are kept, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    named: Vec<String>,
    others: u64,
}

impl Broken {
    const NAMED_MOST: usize = 3;

    pub(super) fn note(&mut self, what: &str) {
        if self.named.iter().any(|named| named == what) {
            return;
        }
        if self.named.len() < Self::NAMED_MOST {
            self.named.push(what.to_owned());
        } else {
            self.others += 1;
        }
    }

    /// Why the run is not valid, in sentences; none if nothing broke.
    pub(super) fn reasons(&self) -> impl Iterator<Item = String> {
        let named = self.named.iter().map(|what| {
            format!("{what}: the arm was not whole, so this is no measurement of it; see events.csv, and run it again")
        });
        let others = (self.others > 0).then(|| format!("{} more things broke, see events.csv", self.others));
        named.chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_broke_is_named_once_and_three_are_enough() {
        let mut broken = Broken::default();
        assert_eq!(broken.reasons().count(), 0);
        for what in ["prometheus ended", "scrape failed", "prometheus ended", "alertmanager ended", "disk", "net"] {
            broken.note(what);
        }
        insta::assert_snapshot!(broken.reasons().collect::<Vec<_>>().join("\n"), @r"
        prometheus ended: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        scrape failed: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        alertmanager ended: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        2 more things broke, see events.csv
        ");
    }
}
