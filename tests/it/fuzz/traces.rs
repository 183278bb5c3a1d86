//! Traces: files of times, of counts, of a day of functions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use watchtower::schedule::trace::{Inside, Playback, Recording, Trace};
use watchtower::study::trace_file::{Contents, Wanted, parse};

use super::Target;

pub(super) const FILES: Target = Target {
    name: "traces",
    seeds,
    words: &[
        "time_s",
        "count",
        "generator",
        "worker",
        "HashOwner,HashApp,HashFunction,Trigger,1,2,3\n",
        "o,a,f,http,1,0,2\n",
        "\n",
        "\r\n",
        ",",
        "\"",
        "\"\"",
        "\u{feff}",
        "0.5",
        "60",
        "120\n",
        "34560000",
        "1000000000",
        "é",
        "\u{0}",
    ],
    run,
};

fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "time_s\n0.5\n0.25\n3.000000001\n",
        "generator,time_s,worker\n1,0.5,\n2,1.5,\n1,2.5,\n",
        "count\n4\n0\n7\n",
        "time_s,count\n0,3\n60,1\n240,12\n",
        "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a1,f1,http,1,0,2\no,a1,f2,timer,10,20,30\no,a2,f1,queue,0,5,5\n",
        "HashOwner,HashApp,HashFunction,Trigger,1\n\"o\",\"a,b\",f1,\"ht\"\"tp\",1000000000\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A trace keeps its laws whatever stands in the file: times ascend, counts are counts, and what is replayed is what was read; or it
/// is refused with what is wrong and what to do.
fn run(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let bin = Duration::from_secs(60);
    for (generator, function_hash, function_rank) in
        [(None, None, 1), (Some(2), Some("f1"), 2), (None, Some("a1/f1"), 1)]
    {
        let wanted = Wanted { bin, generator, function_hash, function_rank };
        let read = match parse(Path::new("trace.csv"), Cursor::new(bytes), wanted) {
            Ok(read) => read,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("trace.csv") && !error.hint().is_empty(), "{text}");
                (text.split(' ').take(5).collect::<Vec<_>>(), error.hint().len()).hash(&mut hasher);
                continue;
            }
        };
        let (recording, requests) = match read.contents {
            Contents::Times(times) => {
                assert!(!times.is_empty() && times.is_sorted());
                let requests = times.len() as u64;
                (Recording::Times(times), requests)
            }
            Contents::Counts { counts, bin } | Contents::Function { counts, bin } => {
                assert!(!counts.is_empty() && counts.iter().all(|count| *count <= 1_000_000_000));
                let requests = counts.iter().sum();
                (Recording::Counts { counts, bin, inside: Inside::Even }, requests)
            }
        };
        let trace = Trace::new(&recording, Playback::default());
        assert_eq!(trace.is_ok(), requests > 0, "a recording without requests, and no other, can't be played");
        if let Ok(trace) = trace {
            assert_eq!(trace.requests() as u64, requests);
            (read.about, requests.min(40), trace.duration().as_secs().checked_ilog2()).hash(&mut hasher);
        }
    }
    hasher.finish()
}
