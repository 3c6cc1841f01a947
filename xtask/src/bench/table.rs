//! Rows of figures, for people.

/// Columns as wide as what is in them, numbers to the right.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let mut line = String::from(" ");
        for (cell, width) in cells.iter().zip(&widths) {
            line += &format!(" {cell:>width$}");
        }
        line + "\n"
    };
    let mut out = line(head.to_vec());
    for row in rows {
        out += &line(row.iter().map(String::as_str).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["1".to_owned(), "22".to_owned()]];
        assert_eq!(table(&["size", "x"], &rows), "  size  x\n     1 22\n");
    }
}
