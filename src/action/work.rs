//! What an order that takes long tells of itself: how far it has come, and what it leaves.

use serde::{Deserialize, Serialize};

use crate::model::text::Text;
use crate::model::units;

/// How far an order has come, by the word of whoever carries it out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderProgress {
    /// So much is done.
    pub done: u64,
    /// Of so much; `None`: nobody knows how much there is.
    pub total: Option<u64>,
    /// In what it is counted.
    pub unit: WorkUnit,
    /// What it is at, cleaned: a table, a file. May be empty.
    pub at: Text,
}

/// In what progress is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkUnit {
    /// Bytes.
    Bytes,
    /// Tables, files, or whatever is done one by one.
    Items,
}

impl OrderProgress {
    /// In one line: `1.2 GB of 4.8 GB, 25 %: public.orders`.
    pub fn describe(&self) -> String {
        let amount = |count: u64| match self.unit {
            WorkUnit::Bytes => units::bytes(count),
            WorkUnit::Items => units::exact(count),
        };
        let of = self.total.map(|total| {
            let percent = percent(self.done, total).map(|percent| format!(", {percent} %"));
            format!(" of {}{}", amount(total), percent.unwrap_or_default())
        });
        let at = if self.at.is_empty() { String::new() } else { format!(": {}", self.at) };
        format!("{}{}{at}", amount(self.done), of.unwrap_or_default())
    }
}

/// Whole percent, and never 100 before all is done.
fn percent(done: u64, total: u64) -> Option<u128> {
    (u128::from(done) * 100).checked_div(u128::from(total)).map(|percent| percent.min(100))
}

/// What an order has made that stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Artefact {
    /// What it is called where it lies: a path, the name of a backup.
    pub name: Text,
    /// Its size in bytes; `None`: not known.
    pub size: Option<u64>,
}

impl Artefact {
    /// In one line: `/backups/app.dump, 1.2 GB`.
    pub fn describe(&self) -> String {
        match self.size {
            Some(size) => format!("{}, {}", self.name, units::bytes(size)),
            None => self.name.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::bytes(1_000_000_000, Some(4_000_000_000), WorkUnit::Bytes, "public.orders", ", 25 %: public.orders")]
    #[case::nearly_all(999, Some(1000), WorkUnit::Items, "", "999 of 1,000, 99 %")]
    #[case::more_than_was_expected(12, Some(10), WorkUnit::Items, "", "12 of 10, 100 %")]
    #[case::nothing_to_do(0, Some(0), WorkUnit::Items, "", "0 of 0")]
    #[case::of_unknown_length(7, None, WorkUnit::Items, "public.a", "7: public.a")]
    fn progress_is_reported_without_more_than_is_known(
        #[case] done: u64,
        #[case] total: Option<u64>,
        #[case] unit: WorkUnit,
        #[case] at: &str,
        #[case] words: &str,
    ) {
        let progress = OrderProgress { done, total, unit, at: at.into() };
        assert!(progress.describe().ends_with(words), "{}", progress.describe());
    }
}
