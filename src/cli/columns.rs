//! Rows as columns for a person, and words from outside without what a terminal would obey.

/// One line per row, each column as wide as its widest cell.
pub(super) fn lines<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Without what a terminal would obey: a modem's words, or a stranger's, may be in it.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [["a", "b", ""], ["long", "é", "x"], ["", "", ""]].map(|row| row.map(String::from));
        assert_eq!(lines(&rows), ["a     b", "long  é  x", ""]);
        assert!(lines::<2>(&[]).is_empty());
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\n你"),
            "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}你"
        );
    }
}
