//! hey's flags as a scenario or a command line has them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use watchtower::study::hey_flags::{self, Flags, without_secrets};

use super::Target;

pub(super) const WORDS: Target = Target {
    name: "hey's flags",
    seeds,
    words: &[
        " -n ",
        " -c ",
        " -q ",
        " -z ",
        " -o ",
        " -m ",
        " -H ",
        " -t ",
        " -A ",
        " -d ",
        " -T ",
        " -U ",
        " -a ",
        " -host ",
        " -x ",
        " -h2",
        " -disable-compression",
        " -disable-keepalive=",
        " -disable-redirects",
        " -cpus ",
        "--",
        "=",
        "'",
        "\"",
        "\\",
        "2m",
        "1h30m",
        "500ms",
        "1.5s",
        "user:pass",
        "Host: a",
        "Accept: b",
        "http://p:1",
        "socks5://u:p@h",
        ":",
        "true",
        "é",
    ],
    run,
};

fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "-z 2m -c 50 -q 5",
        "-n 200 -c=50 --q 0x10 -z 1h2m3.5s",
        "-H 'Hey: hey' -H \"Authorization: Bearer x\" -a user:pass -T '' -m post -d '{\"a\": 1}' http://x -n 5",
        "-host fn.example -x http://u:p@proxy:3128 -h2 -disable-keepalive=false -disable-redirects -t 0 -U me -A b/c -cpus 2 -o csv",
        "-n 1_000 -c 0b11 -z 1us -q 1e3",
    ];
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn run(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let line = String::from_utf8_lossy(bytes);
    let words = match hey_flags::words(&line) {
        Ok(words) => words,
        Err(error) => return error.to_string().len() as u64,
    };
    // what may be shown is a line of as many words, and showing it again changes nothing
    let shown = without_secrets(&words);
    let again = hey_flags::words(&shown).expect("what is shown is a line");
    assert_eq!(again.len(), words.len(), "{shown}");
    assert_eq!(without_secrets(&again), shown);
    match Flags::parse(&words) {
        Ok((flags, rest)) => {
            assert!(rest.len() <= words.len());
            let pacing = flags.pacing();
            flags.objections(rest).len().hash(&mut hasher);
            // a body file is the operating system's business
            if flags.body_file.is_empty() {
                match flags.request(Path::new(".")) {
                    Ok(plan) => (plan.headers.len(), plan.keep_alive, plan.body.len().min(4)).hash(&mut hasher),
                    Err(error) => error.to_string().split(' ').next().hash(&mut hasher),
                }
            }
            (flags.given.len(), rest.len().min(3), pacing.is_ok()).hash(&mut hasher);
            flags.given.hash(&mut hasher);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty());
            (error.is_syntax(), text.split(' ').next(), words.len()).hash(&mut hasher);
        }
    }
    hasher.finish()
}
