//! Files as people have them: what is read of each, and what is said of those that are none.

use super::*;

const WANTED: Wanted<'_> =
    Wanted { bin: Duration::from_secs(60), generator: None, function_hash: None, function_rank: 1 };

fn read_with(text: &str, wanted: Wanted<'_>) -> Result<Read, String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    read(file.path(), wanted)
        .map_err(|error| format!("{error} | {}", error.hint()).replace(&file.path().display().to_string(), "FILE"))
}

fn contents(text: &str, wanted: Wanted<'_>) -> Contents {
    read_with(text, wanted).unwrap_or_else(|error| panic!("{error}")).contents
}

/// Three functions, two apps, three minutes; the hash `f1` is there twice.
const DAY: &str = "HashOwner,HashApp,HashFunction,Trigger,1,2,3\n\
                   o,a1,f1,http,1,0,2\n\
                   o,a1,f2,timer,10,20,30\n\
                   o,a2,f1,queue,0,5,5\n";

#[test]
fn times_are_found_by_the_name_of_their_column_and_sorted() {
    let text = "\u{feff}status,time_s\n200, 1.5\n200,0.000000001\n500,12\n";
    assert_eq!(contents(text, WANTED), Contents::Times(vec![1, 1_500_000_000, 12_000_000_000]));
}

#[test]
fn one_generator_of_a_written_schedule_can_be_had_alone() {
    let text = "generator,time_s,worker\n1,0.5,\n2,1.5,\n1,2.5,\n";
    assert_eq!(contents(text, Wanted { generator: Some(2), ..WANTED }), Contents::Times(vec![1_500_000_000]));
    assert!(matches!(contents(text, WANTED), Contents::Times(times) if times.len() == 3));
}

#[test]
fn counts_follow_each_other_or_say_where_they_belong() {
    let bin = Duration::from_secs(60);
    assert_eq!(contents("count\n4\n0\n7\n", WANTED), Contents::Counts { counts: vec![4, 0, 7], bin });
    let gaps = "time_s,count\n60,4\n240,7\n";
    assert_eq!(contents(gaps, WANTED), Contents::Counts { counts: vec![0, 4, 0, 0, 7], bin });
}

#[test]
fn a_function_of_a_day_is_chosen_by_rank_or_hash() {
    let counts = |wanted| match contents(DAY, wanted) {
        Contents::Function { counts, .. } => counts,
        other => panic!("{other:?}"),
    };
    assert_eq!(counts(WANTED), [10, 20, 30]);
    assert_eq!(counts(Wanted { function_rank: 3, ..WANTED }), [1, 0, 2]);
    assert_eq!(counts(Wanted { function_hash: Some("f2"), ..WANTED }), [10, 20, 30]);
    assert_eq!(counts(Wanted { function_hash: Some("a2/f1"), ..WANTED }), [0, 5, 5]);
    assert_eq!(counts(Wanted { function_hash: Some("o/a1/f1"), ..WANTED }), [1, 0, 2]);
}

#[test]
fn what_is_wrong_is_named_with_line_and_column() {
    let said = |text: &str, wanted| read_with(text, wanted).expect_err(text);
    let mut lines = String::new();
    for (text, wanted) in [
        ("t,code\n1,200\n", WANTED),
        ("", WANTED),
        ("time_s\n", WANTED),
        ("time_s\n1\nsoon\n", WANTED),
        ("code,time_s\n200,-1\n", WANTED),
        ("time_s,code\n1,200\n2\n", WANTED),
        ("time_s\n1\n", Wanted { generator: Some(2), ..WANTED }),
        ("generator,time_s\n1,1\n", Wanted { generator: Some(2), ..WANTED }),
        ("count\n3\n2.5\n", WANTED),
        ("count\n", WANTED),
        ("time_s,count\n0,3\n30,2\n", WANTED),
        ("time_s,count\n60,3\n0,2\n", WANTED),
        ("HashOwner,HashApp,HashFunction,Trigger,1,3\no,a,f,http,1,2\n", WANTED),
        ("HashOwner,HashApp,HashFunction\no,a,f\n", WANTED),
        (&DAY.replace("20", "many"), WANTED),
        (&DAY.replace("20", "-2"), Wanted { function_hash: Some("f2"), ..WANTED }),
        (DAY, Wanted { function_rank: 4, ..WANTED }),
        (DAY, Wanted { function_hash: Some("f1"), ..WANTED }),
        (DAY, Wanted { function_hash: Some("f9"), ..WANTED }),
    ] {
        lines.push_str(&said(text, wanted));
        lines.push('\n');
    }
    insta::assert_snapshot!(lines, @r#"
    FILE:1: has neither a column time_s nor count, but "t", "code" | the first line names the columns: time_s for the time of each request in seconds, count for the requests of each bin
    FILE is empty | name a CSV with a column time_s or count
    FILE holds no request | a row below the head is a request
    FILE:3: column 1 (time_s): "soon" is not a number | write seconds, such as 12.25
    FILE:2: column 2 (time_s): -1 is not a time in the trace | times are seconds since the trace's start, from 0 up to 400 days
    FILE:3: has 1 fields, and the lines before have 2 | complete the row or delete it
    FILE:1: has no column generator | leave generator out: the file is one load
    FILE has no request of generator 2 | a row below the head is a request
    FILE:3: column 1 (count): "2.5" is not a count | a count is a whole number from 0 to 1000000000
    FILE holds no bin | a row below the head is the count of a bin
    FILE:3: column 1 (time_s): 30 is not where a bin of 1m begins | write bin = "..." as long as the file's bins, or leave the column out
    FILE:3: column 1 (time_s): 0 does not come after the bin before it | sort the rows by time_s
    FILE:1: column 6 of the head is "3" and should be "2" | a day of the Azure Functions 2019 traces begins HashOwner,HashApp,HashFunction,Trigger,1,2,3 and so on
    FILE:1: column 4 of the head is "" and should be "Trigger" | a day of the Azure Functions 2019 traces begins HashOwner,HashApp,HashFunction,Trigger,1,2,3 and so on
    FILE:3: column 6 (minute 2): "many" is not a count | counts are whole numbers
    FILE:3: column 6 (minute 2): "-2" is not a count | a count is a whole number from 0 to 1000000000
    FILE has 3 functions, so none of rank 4 | lower function_rank
    FILE has functions of that hash on the lines 2 and 4 | write function_hash = "o/a1/f1" or "o/a2/f1"
    FILE has no function "f9" | copy a HashFunction from the file, or choose one by function_rank = 1
    "#);
}

#[test]
fn what_is_no_file_is_said() {
    let missing = read(Path::new("no/such/trace.csv"), WANTED).unwrap_err();
    assert_eq!(missing.to_string(), "no/such/trace.csv does not exist");
    let directory = tempfile::tempdir().unwrap();
    assert!(read(directory.path(), WANTED).unwrap_err().to_string().ends_with(" is a directory"));
}
