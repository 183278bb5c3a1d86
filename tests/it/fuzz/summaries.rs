//! hey's summaries, as they are judged.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use watchtower::schedule::hey::Settings;
use watchtower::study::hey_judgement::{Asked, HeyOutput, judge_all};

use super::Target;

pub(super) const TEXTS: Target = Target {
    name: "hey's summaries",
    seeds,
    words: &[
        "Summary:\n",
        "  Total:\t",
        "  Slowest:\t",
        "  Fastest:\t",
        "  Requests/sec:\t",
        " secs\n",
        "Response time histogram:\n",
        "  0.100 [",
        "]\t|■■■\n",
        "Latency distribution:\n",
        "Status code distribution:\n",
        "  [200]\t",
        " responses\n",
        "Error distribution:\n",
        "Client.Timeout exceeded while awaiting headers",
        "-0.0001",
        "\n\n",
        "\u{0}",
    ],
    run,
};

fn seeds() -> Vec<Vec<u8>> {
    let errors = "\nSummary:\n  Total:\t1.0041 secs\n  Slowest:\t0.0000 secs\n  Fastest:\t0.0000 secs\n  Average:\t NaN secs\n  \
                  Requests/sec:\t3.9838\n  \n\nResponse time histogram:\n\n\nLatency distribution:\n\nDetails (average, fastest, \
                  slowest):\n  DNS+dialup:\t NaN secs, 0.0000 secs, 0.0000 secs\n\nStatus code distribution:\n\nError \
                  distribution:\n  [4]\tGet \"http://127.0.0.1:1\": context deadline exceeded (Client.Timeout exceeded while awaiting \
                  headers)\n\n";
    let published = ["watchtower", "openfaas_ce"].map(|name| {
        let path = format!("{}/src/study/hey_judgement/published_{name}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).expect("a committed summary")
    });
    // counts and times beyond all runs
    let counts = String::from_utf8_lossy(&published[0]).replace("[10]", "[18446744073709551615]");
    let times = String::from_utf8_lossy(&published[1])
        .replace("Slowest:\t0.", "Slowest:\t3000000000.")
        .replace('[', "[9999999");
    published.into_iter().chain([errors.as_bytes().to_vec(), counts.into_bytes(), times.into_bytes()]).collect()
}

/// A text is judged, and then every request of it is accounted for, or it is refused with what to give instead.
fn run(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let text = String::from_utf8_lossy(bytes).into_owned();
    match HeyOutput::parse(&text) {
        Ok(output) => {
            let counted = output.counted();
            for (requests, workers, rate, duration) in
                [(200, 50, 5.0, Some(120)), (30_000, 50, 5.0, None), (200, 50, 0.0, Some(1))]
            {
                let pacing = Settings::new(requests, workers, rate, duration.map(Duration::from_secs)).expect("flags");
                let asked = Asked { pacing, timeout: Some(Duration::from_secs(20)) };
                let judged = judge_all(&[("a".to_owned(), text.clone())], asked).expect("it was read");
                let one = &judged.summaries[0];
                assert_eq!(one.counted, counted);
                assert!(one.errors <= one.counted && one.missing.is_none_or(|missing| Some(missing) <= one.planned));
                assert!(one.excess_s >= 0.0 && !judged.to_string().is_empty(), "{one:?}");
                (one.verdict as u8, one.missing.map(u64::checked_ilog2)).hash(&mut hasher);
            }
            (output.bins.len(), output.timeouts.min(5)).hash(&mut hasher);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("hint: "), "{text}");
            text.split('"').take(2).map(|part| part.len().min(30)).collect::<Vec<_>>().hash(&mut hasher);
        }
    }
    hasher.finish()
}
