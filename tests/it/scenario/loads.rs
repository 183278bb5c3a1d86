//! hey's flags in a scenario, and loads without an end.

use super::{Case, messages};

#[test]
fn hey_s_flags_are_refused_with_what_to_write_instead() {
    messages(&[
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10 -c 5'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10 -c 5''' is refused: invalid value "10" for flag -z: parse error
  hint: write -z 10s for seconds or -z 10m for minutes"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z ten -c 5'''",
            message: r#"t.toml:12: load 1: hey = '''-z ten -c 5''' is refused: invalid value "ten" for flag -z: parse error
  hint: write a duration such as -z 2m, -z 90s or -z 1m30s"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-n 5 -c 50'''",
            message: "t.toml:12: load 1: hey = '''-n 5 -c 50''' is refused: -n cannot be less than -c
  hint: each of the -c workers sends -n / -c requests (by default -n 200 -c 50): raise -n, lower -c, or end by time with -z 2m",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-n 0 -c 1'''",
            message: "t.toml:12: load 1: hey = '''-n 0 -c 1''' is refused: -n and -c cannot be smaller than 1
  hint: write at least -n 1 -c 1, or end by time with -z 2m",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-c 0 -z 10s'''",
            message: "t.toml:12: load 1: hey = '''-c 0 -z 10s''' is refused: -c cannot be smaller than 1
  hint: write at least -n 1 -c 1, or end by time with -z 2m",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -c five'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -c five''' is refused: invalid value "five" for flag -c: parse error
  hint: write a whole number, such as -c 50"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -q 2000000'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -q 2000000''' is refused: -q 2000000 is out of range; it counts requests per second and worker, from 0 (no limit) to 1000000
  hint: the shortest time between two requests of a worker is 1 us",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -q NaN'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -q NaN''' is refused: -q NaN is out of range; it counts requests per second and worker, from 0 (no limit) to 1000000
  hint: the shortest time between two requests of a worker is 1 us",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -q 5/s'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -q 5/s''' is refused: invalid value "5/s" for flag -q: parse error
  hint: write a number, such as -q 5: requests per second and worker"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -C 5'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -C 5''' is refused: flag provided but not defined: -C
  hint: did you mean -c?",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -c'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -c''' is refused: flag needs an argument: -c
  hint: write the flag's value after it: -c VALUE",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''--- -c 5'''",
            message: "t.toml:12: load 1: hey = '''--- -c 5''' is refused: bad flag syntax: ---
  hint: write the flag's value after it: - VALUE",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -o csv'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -o csv''' is refused: -o chooses an output format, but a study writes its own files
  hint: leave it out; requests.csv and hey-1.txt are always written",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -cpus 2'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -cpus 2''' is refused: -cpus sets hey's CPU cores, but all generators share one process
  hint: leave it out",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -x proxy:3128'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -x proxy:3128''' is refused: -x: proxy "proxy:3128" is no address of one
  hint: write one such as -x http://127.0.0.1:3128; https:// and socks5:// are proxies too"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s http://localhost:8080/function/ftest'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s http://localhost:8080/function/ftest''' is refused: "http://localhost:8080/function/ftest" is an address, but that comes from the target
  hint: leave it out; the query goes to [function] query, the rest to --target"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''hey -z 10s -c 5'''",
            message: r#"t.toml:12: load 1: hey = '''hey -z 10s -c 5''' is refused: "hey" is not a flag
  hint: write only hey's flags, as in hey = "-z 2m -c 50 -q 5""#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -c 5 50'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -c 5 50''' is refused: "50" is not a flag, and hey ignores what follows it
  hint: leave it out, or put a value with spaces in quotes"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -H Hey'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -H Hey''' is refused: could not parse the provided input; input = Hey
  hint: write -H 'Name: value', and -a user:password",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = '''-z 10s -H "Host: fn"'''"#,
            message: r#"t.toml:12: load 1: hey = '''-z 10s -H "Host: fn"''' is refused: -H 'Host: fn' is dropped by hey
  hint: write -host NAME to send another Host"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = '''-z 10s -h "Hey: hey"'''"#,
            message: r#"t.toml:12: load 1: hey = '''-z 10s -h "Hey: hey"''' is refused: Flag '-h' is deprecated, please use '-H' instead.
  hint: write -H for a header"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = '''-z 10s -m "GET IT"'''"#,
            message: r#"t.toml:12: load 1: hey = '''-z 10s -m "GET IT"''' is refused: net/http: invalid method "GET IT"
  hint: write a method such as -m POST"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -D missing.json'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -D missing.json''' is refused: open missing.json: no such file or directory
  hint: -D is looked up beside the scenario file",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = '''-z 10s -d "{'''"#,
            message: r#"t.toml:12: load 1: hey = '''-z 10s -d "{''' has a " that is never closed
  hint: close it, or put the value into the other kind of quotes"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -c 20000'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -c 20000''' is refused: -c 20000 is too many workers
  hint: the most is 10000 for the whole scenario",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -a nobody'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -a nobody''' is refused: could not parse the provided input; input = nobody
  hint: write -H 'Name: value', and -a user:password",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -disable-keepalive=maybe'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -disable-keepalive=maybe''' is refused: invalid boolean value "maybe" for -disable-keepalive: parse error
  hint: write -disable-keepalive alone"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -t 1.5'''",
            message: r#"t.toml:12: load 1: hey = '''-z 10s -t 1.5''' is refused: invalid value "1.5" for flag -t: parse error
  hint: write whole seconds, such as -t 20"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"start = "1s""#,
            message: r#"t.toml:11: load 1: says nothing of what is sent when
  hint: write hey = "-z 2m -c 50 -q 5", or rate = 250 and duration = "2m", or steps, trace or goose"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = 50",
            message: "t.toml:12: load 1: hey = 50 is not a text
  hint: allowed is a text in quotes",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"rate = "250/s""#,
            message: r#"t.toml:12: load 1: rate = "250/s" is not a number
  hint: allowed is a number from 0 to 1000000 (requests per second)"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = "-z 10s -c 5 -q 5"
start = "-1s""#,
            message: r#"t.toml:13: load 1: start = "-1s" is negative
  hint: a duration is at least 0"#,
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = "-z 10s -c 6000 -q 1"
[[load]]
hey = "-z 10s -c 6000 -q 1""#,
            message: "t.toml:11: the [[load]]s: ask for 12000 workers (-c) together; the most is 10000
  hint: lower -c",
        },
    ]);
}

#[test]
fn runs_and_studies_longer_than_a_week_are_refused() {
    messages(&[
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 400h -c 5'''",
            message: "t.toml:12: load 1: hey = '''-z 400h -c 5''' makes one run last 16.7 days; the longest is a week
  hint: shorten -z, lower -n, or raise a very small -q",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-z 10s -c 5 -q 0.0000001'''",
            message: "t.toml:12: load 1: hey = '''-z 10s -c 5 -q 0.0000001''' makes one run last 115.7 days; the longest is a week
  hint: shorten -z, lower -n, or raise a very small -q",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: "hey = '''-n 9000000000000000000 -c 5'''",
            message: "t.toml:12: load 1: hey = '''-n 9000000000000000000 -c 5''' makes one run last more than 1000 days; the longest is a week
  hint: shorten -z, lower -n, or raise a very small -q",
        },
        Case {
            instead_of: r#"hey = "-z 10s -c 5 -q 5""#,
            write: r#"hey = "-z 10s -c 5 -q 5"
start = "6d"
[[load]]
hey = "-z 100h -c 1""#,
            message: "t.toml:17: [run]: repeats = 1 (the default) makes the study last 12.0 days, 2 runs of 6.0 days; the longest is a week
  hint: lower it, make a run shorter, or run the arms one by one with --arm",
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = "5s"
repeats = 1000
cool_down = "1h""#,
            message: "t.toml:16: [run]: repeats = 1000 makes the study last 83.7 days, 2000 runs of 1 h 0 min; the longest is a week
  hint: lower it, make a run shorter, or run the arms one by one with --arm",
        },
    ]);
}
