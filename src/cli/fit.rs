//! Text that fits the terminal it is shown on: tables in blocks of columns where they are too wide, prose broken between words.
//!
//! What goes to a file or a pipe is never broken: its lines are for programs.

use std::io::{self, IsTerminal};

/// Columns there are for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(Option<usize>);

impl Width {
    /// Lines as long as they are.
    pub(super) const UNBOUNDED: Self = Self(None);

    /// That of standard output.
    pub(super) fn of_stdout() -> Self {
        if !io::stdout().is_terminal() {
            return Self::UNBOUNDED;
        }
        Self(terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0)))
    }

    fn holds(self, columns: usize) -> bool {
        self.0.is_none_or(|width| columns <= width)
    }
}

/// Between two columns of a table.
const GAP: usize = 2;

/// Lines of as many cells each, in columns: words left, from column `numbers` on right. A table that is too wide goes on in further
/// blocks, and the first column stands in each.
pub(super) fn aligned(lines: &[Vec<String>], numbers: usize, width: Width) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widest = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let blocks = blocks(&widths, width);
    let block =
        |columns: &Vec<usize>| -> String { lines.iter().map(|line| row(line, columns, &widths, numbers)).collect() };
    blocks.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// The columns of each block.
fn blocks(widths: &[usize], width: Width) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new()];
    let mut taken = 0;
    for (column, wide) in widths.iter().enumerate() {
        let is_full = column > 1 && !width.holds(taken + GAP + wide);
        if is_full {
            blocks.push(vec![0]);
            taken = widths[0];
        }
        if let Some(block) = blocks.last_mut() {
            taken += wide + if block.is_empty() { 0 } else { GAP };
            block.push(column);
        }
    }
    blocks
}

fn row(line: &[String], columns: &[usize], widths: &[usize], numbers: usize) -> String {
    let cell = |column: &usize| {
        let (cell, width) = (&line[*column], widths[*column]);
        if *column < numbers { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    format!("{}\n", cells.join(&" ".repeat(GAP)).trim_end())
}

/// Prose whose lines are broken between words; what goes on is set in further than the line began.
pub(super) fn wrapped(text: &str, width: Width) -> String {
    let lines: Vec<String> = text.lines().map(|line| broken(line, width)).collect();
    lines.join("\n")
}

fn broken(line: &str, width: Width) -> String {
    if width.holds(line.chars().count()) {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start_matches(' ').len();
    let mut text = " ".repeat(indent);
    let mut taken = indent;
    let mut is_first = true;
    for word in line.split_whitespace() {
        let wide = word.chars().count();
        if is_first {
            is_first = false;
        } else if width.holds(taken + 1 + wide) {
            text.push(' ');
            taken += 1;
        } else {
            text.push('\n');
            text.push_str(&" ".repeat(indent + GAP));
            taken = indent + GAP;
        }
        text.push_str(word);
        taken += wide;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[&str]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn a_table_that_is_too_wide_goes_on_below_itself() {
        let table = lines(&["arm|planned|sent|p95 ms", "tower|60000|59990|131.2", "ce|60000|7|-"]);
        insta::assert_snapshot!(aligned(&table, 1, Width::UNBOUNDED), @r"
        arm    planned   sent  p95 ms
        tower    60000  59990   131.2
        ce       60000      7       -
        ");
        insta::assert_snapshot!(aligned(&table, 1, Width(Some(21))), @r"
        arm    planned   sent
        tower    60000  59990
        ce       60000      7

        arm    p95 ms
        tower   131.2
        ce          -
        ");
        // the first column and one more stand there however narrow it is
        assert_eq!(aligned(&table, 1, Width(Some(1))).matches("tower").count(), 3);
        assert_eq!(aligned(&[], 1, Width(Some(80))), "");
    }

    #[test]
    fn prose_is_broken_between_words_and_set_in() {
        let text = "take the tower\n  => it misses the objective less often";
        assert_eq!(wrapped(text, Width::UNBOUNDED), text);
        insta::assert_snapshot!(wrapped(text, Width(Some(20))), @r"
        take the tower
          => it misses the
            objective less
            often
        ");
        assert_eq!(wrapped("a-word-that-is-too-long b", Width(Some(5))), "a-word-that-is-too-long\n  b");
    }
}
