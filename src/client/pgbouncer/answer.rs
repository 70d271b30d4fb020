//! The answer to one statement: rows whose columns are found by name, since each release has others.

use std::str::FromStr;

/// Rows with the names of their columns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// Rows of `columns`. A row that is shorter has no value in the columns that are left.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Option<String>>>) -> Self {
        Self { columns, rows }
    }

    /// Row by row.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.rows.iter().map(|row| Record { columns: &self.columns, row })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    columns: &'a [String],
    row: &'a [Option<String>],
}

impl<'a> Record<'a> {
    /// The value of the column called `name`; `None`: there is no such column, or no value.
    pub fn get(self, name: &str) -> Option<&'a str> {
        let index = self.columns.iter().position(|column| column == name)?;
        self.row.get(index)?.as_deref()
    }

    /// The same where a value that is empty is none.
    pub fn filled(self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The same read as a `T`; `None` also where it is none.
    pub fn parsed<T: FromStr>(self, name: &str) -> Option<T> {
        self.get(name)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_and_one_that_is_absent_has_no_value() {
        let columns = vec!["database".to_owned(), "cl_waiting".to_owned(), "maxwait".to_owned()];
        let rows = Rows::new(columns, vec![vec![Some("app".to_owned()), Some("-4".to_owned())]]);
        let record = rows.iter().next().unwrap();
        assert_eq!((record.get("database"), record.get("user")), (Some("app"), None));
        assert_eq!(record.parsed::<u32>("cl_waiting"), None, "no count");
        assert_eq!(record.parsed::<i64>("cl_waiting"), Some(-4));
        assert_eq!(record.get("maxwait"), None, "the row ends before");
    }
}
