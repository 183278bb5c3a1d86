//! When a Prometheus evaluates a rule group, and a file name that makes it a wanted time.
//!
//! A group is evaluated at `hash(file, group name) mod interval` of Unix time (rules/group.go `hash`, `EvalTimestamp`), so
//! the name of the rule file decides, and can be chosen.

use std::time::Duration;

use super::version::version_number;
use super::xxh64::xxh64;

/// File names tried. The best of n lies about interval / 2n from what is wanted: 0.4 ms for 15 s.
const TRIES: u32 = 20_000;
/// Longest value that both encodings of labels write with a length of one byte.
const LENGTH_MAX: usize = 127;
/// Parts name and value in the plain encoding (model/labels `sep`).
const SEPARATOR: u8 = 0xff;

/// How a Prometheus writes labels before it hashes them; a choice of its build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Name and value, each followed by a byte 255: builds before 2.44, plain `go build` and Debian's.
    Plain,
    /// Each preceded by its length: release builds from 2.44 on (build tag `stringlabels`), all from 3.0 on.
    Lengths,
}

impl Encoding {
    /// From what `prometheus --version` prints.
    pub(super) fn of(version: &str) -> Self {
        let tags = version.lines().find_map(|line| line.trim().strip_prefix("tags:")).unwrap_or_default();
        let has = |tag: &str| tags.split(',').any(|word| word.trim() == tag);
        let major = version_number(version).and_then(|number| number.split('.').next()?.parse::<u32>().ok());
        let is_default = major.is_some_and(|major| major >= 3) && !has("slicelabels") && !has("dedupelabels");
        if has("stringlabels") || is_default { Self::Lengths } else { Self::Plain }
    }
}

/// Unix time modulo `interval` at which the group `group` of the rule file `file` is evaluated; `None` if the file's path is
/// too long for this to be known.
pub(super) fn phase(file: &str, group: &str, interval: Duration, encoding: Encoding) -> Option<Duration> {
    if file.len() > LENGTH_MAX || group.len() > LENGTH_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(2 * LENGTH_MAX);
    for part in ["file", file, "name", group] {
        match encoding {
            Encoding::Plain => {
                bytes.extend_from_slice(part.as_bytes());
                bytes.push(SEPARATOR);
            }
            Encoding::Lengths => {
                bytes.push(part.len() as u8);
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    let interval = u64::try_from(interval.as_nanos()).ok().filter(|interval| *interval > 0)?;
    Some(Duration::from_nanos(xxh64(&bytes) % interval))
}

/// The file in `directory` whose group is evaluated closest to `wanted` of the interval, with the phase it really has.
pub(super) fn file_for(
    directory: &str,
    group: &str,
    wanted: Duration,
    interval: Duration,
    encoding: Encoding,
) -> Option<(String, Duration)> {
    let wanted = Duration::from_nanos((wanted.as_nanos() % interval.as_nanos().max(1)) as u64);
    let distance = |phase: Duration| {
        let apart = phase.abs_diff(wanted);
        apart.min(interval.saturating_sub(apart))
    };
    (0..TRIES)
        .filter_map(|number| {
            let file = format!("{directory}/rules-{number}.yml");
            let phase = phase(&file, group, interval, encoding)?;
            Some((file, phase))
        })
        .min_by_key(|(_, phase)| distance(*phase))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    #[test]
    fn the_phases_are_those_that_real_programs_showed() {
        // measured: Prometheus 2.42 with `alert.rules.yml`, and with the chart's path in a plain build; the third is what the
        // chart's image does
        let chart = "/etc/prometheus/alert.rules.yml";
        for (file, encoding, nanos) in [
            ("alert.rules.yml", Encoding::Plain, 2_644_281_318),
            (chart, Encoding::Plain, 8_324_404_523),
            (chart, Encoding::Lengths, 7_891_727_015),
        ] {
            assert_eq!(phase(file, "openfaas", INTERVAL, encoding), Some(Duration::from_nanos(nanos)), "{file}");
        }
    }

    #[test]
    fn a_file_name_is_found_within_a_few_milliseconds_of_any_phase() {
        for wanted in [0, 7_891, 14_999] {
            let wanted = Duration::from_millis(wanted);
            let found = file_for("/tmp/watchtower-abc", "openfaas", wanted, INTERVAL, Encoding::Plain);
            let (file, found) = found.unwrap();
            let apart = found.abs_diff(wanted).min(INTERVAL.saturating_sub(found.abs_diff(wanted)));
            assert!(apart < Duration::from_millis(10), "{file}: {found:?} for {wanted:?}");
        }
        let long = "/x".repeat(100);
        assert_eq!(file_for(&long, "openfaas", INTERVAL, INTERVAL, Encoding::Plain), None);
    }

    #[test]
    fn the_encoding_is_told_by_the_build() {
        for (version, encoding) in [
            ("prometheus, version 2.42.0+ds (branch: debian/sid)\n  platform: linux/amd64", Encoding::Plain),
            ("prometheus, version 2.53.1 (branch: HEAD)\n  tags:  netgo,builtinassets,stringlabels", Encoding::Lengths),
            ("prometheus, version 2.53.1 (branch: HEAD)\n  tags:  netgo", Encoding::Plain),
            ("prometheus, version 3.5.0 (branch: HEAD)\n  tags:  netgo,builtinassets", Encoding::Lengths),
            ("prometheus, version 3.5.0 (branch: HEAD)\n  tags:  slicelabels", Encoding::Plain),
            ("", Encoding::Plain),
        ] {
            assert_eq!(Encoding::of(version), encoding, "{version}");
        }
    }
}
