//! `requests.csv` read back, row by row: there may be millions.

use std::path::Path;

use super::error::ResultsError;

/// What readers need of a row. Times are seconds since the load's start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestRecord<'a> {
    /// When the schedule called for it.
    pub due_s: f64,
    /// When it left.
    pub sent_s: f64,
    /// When it was answered or given up.
    pub done_s: f64,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// The kind of error, if there was none.
    pub error: &'a str,
}

/// Hands each row of the file to `take`.
///
/// # Errors
/// When it can't be read, lacks a column, or a row is damaged; the error names file and line.
pub(super) fn each(path: &Path, mut take: impl FnMut(RequestRecord<'_>)) -> Result<(), ResultsError> {
    let malformed = |line, problem: String| ResultsError::Malformed { path: path.to_owned(), line, problem };
    let at = |error: csv::Error| malformed(error.position().map(csv::Position::line), error.to_string());
    let mut reader = csv::Reader::from_path(path).map_err(at)?;
    let head = reader.headers().map_err(at)?.clone();
    let place = |column: &str| {
        let place = head.iter().position(|name| name == column);
        place.ok_or_else(|| malformed(Some(1), format!("there is no column {column}")))
    };
    let (due, sent, done) = (place("due_s")?, place("sent_s")?, place("done_s")?);
    let (status, error) = (place("status")?, place("error")?);
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(at)? {
        let line = row.position().map(csv::Position::line);
        let text = |place: usize| row.get(place).unwrap_or_default();
        let wrong = |what: &str, place: usize| malformed(line, format!("{what} is {:?}", text(place)));
        let seconds = |what: &str, place: usize| text(place).parse().map_err(|_| wrong(what, place));
        let answered = Some(text(status)).filter(|status| !status.is_empty());
        take(RequestRecord {
            due_s: seconds("due_s", due)?,
            sent_s: seconds("sent_s", sent)?,
            done_s: seconds("done_s", done)?,
            status: answered.map(|status_text| status_text.parse().map_err(|_| wrong("status", status))).transpose()?,
            error: text(error),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_their_columns_and_damage_is_named_by_file_and_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("requests.csv");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("a file");
            let mut rows = Vec::new();
            each(&file, |row| rows.push((row.sent_s, row.done_s, row.status, row.error.to_owned()))).map(|()| rows)
        };
        let rows =
            read("worker,error,status,done_s,sent_s,due_s\n1,,200,0.5,0.25,0\n1,timeout,,20.5,0.5,0\n").expect("rows");
        assert_eq!(rows, [(0.25, 0.5, Some(200), String::new()), (0.5, 20.5, None, "timeout".to_owned())]);
        for (text, problem) in [
            ("due_s,sent_s,done_s,status\n", "line 1: there is no column error"),
            ("due_s,sent_s,done_s,status,error\n0,1,x,200,\n", "line 2: done_s is \"x\""),
            ("due_s,sent_s,done_s,status,error\n0,1,2,,reset\n0,1,2,ok,\n", "line 3: status is \"ok\""),
        ] {
            let said = read(text).expect_err("damaged").to_string();
            assert!(said.contains("requests.csv") && said.contains(problem), "{said}");
        }
    }
}
