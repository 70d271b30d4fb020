//! HAProxy's statistics as CSV: over HTTP from any statistics URL, and the same table from the runtime API.

use std::collections::HashMap;

use crate::client::http::{Connections, HttpAnswer, HttpError, HttpHead, HttpReader, first_line};
use crate::config::endpoint::HttpEndpoint;

/// Columns without which the table says nothing; HAProxy has had them since 1.3.
const REQUIRED_COLUMNS: [&str; 3] = ["pxname", "svname", "status"];

/// The statistics table. Columns are found by name, since their number grows with every version.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatTable {
    columns: HashMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct StatRow<'a> {
    columns: &'a HashMap<String, usize>,
    cells: &'a csv::StringRecord,
}

/// Why a text is not the statistics table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotStatistics {
    /// A web page.
    #[error("HTML instead of CSV; the URL is not that of a statistics page")]
    Html,
    /// No header line with the essential columns.
    #[error("no header line of HAProxy's statistics")]
    Header,
    /// It stops in the middle.
    #[error("truncated CSV")]
    CutOff,
    /// It is not CSV.
    #[error("broken CSV")]
    Broken,
}

impl NotStatistics {
    fn reason(self) -> &'static str {
        match self {
            Self::Html => "HTML instead of CSV; the URL is not that of a statistics page",
            Self::Header => "no header line of HAProxy's statistics",
            Self::CutOff => "truncated CSV",
            Self::Broken => "broken CSV",
        }
    }
}

/// A server, in the column `type`.
const SERVER: &str = "2";

impl StatTable {
    /// Reads the table that `show stat` or the statistics page writes. A row with fewer cells than the header, or a
    /// last line without its end, means that the rest was lost: half a table would hide servers. So does a server in
    /// the last row, since the row of its backend comes after it.
    ///
    /// # Errors
    /// When the text is something else, or not all of it.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotStatistics> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start();
        if text.starts_with('<') {
            return Err(NotStatistics::Html);
        }
        let body = text.strip_prefix('#').ok_or(NotStatistics::Header)?.trim_start_matches(' ');
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body.as_bytes());
        let header = reader.headers().map_err(|_| NotStatistics::Broken)?.clone();
        let columns: HashMap<_, _> = header.iter().enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
        if !REQUIRED_COLUMNS.iter().all(|name| columns.contains_key(*name)) {
            return Err(NotStatistics::Header);
        }
        if !body.ends_with('\n') {
            return Err(NotStatistics::CutOff);
        }
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|_| NotStatistics::Broken)?;
            if row.len() < header.len() {
                return Err(NotStatistics::CutOff);
            }
            rows.push(row);
        }
        let table = Self { columns, rows };
        if table.rows().last().is_some_and(|row| row.get("type") == Some(SERVER)) {
            return Err(NotStatistics::CutOff);
        }
        Ok(table)
    }

    /// The rows in HAProxy's order.
    pub fn rows(&self) -> impl Iterator<Item = StatRow<'_>> {
        self.rows.iter().map(|cells| StatRow { columns: &self.columns, cells })
    }
}

impl<'a> StatRow<'a> {
    /// A cell by the name of its column; `None` where the column does not exist or the cell is empty.
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let cell = self.cells.get(*self.columns.get(column)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// A cell as a number that is not negative.
    pub fn number(&self, column: &str) -> Option<u64> {
        self.get(column)?.parse().ok()
    }
}

/// The head of an HTML statistics page, as far as `doctor` reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatPage {
    /// Version, unless it is hidden.
    pub version: Option<String>,
    /// The page offers to change the state of servers.
    pub offers_actions: bool,
}

/// A reader of one statistics page.
#[derive(Debug)]
pub struct StatisticsPage {
    http: HttpReader,
    page: HttpEndpoint,
}

impl StatisticsPage {
    /// A reader of the statistics whose page is at `endpoint`.
    ///
    /// # Errors
    /// When the URL or the TLS settings cannot be used.
    pub fn new(endpoint: &HttpEndpoint) -> Result<Self, HttpError> {
        let csv = HttpEndpoint { url: csv_url(&endpoint.url), ..endpoint.clone() };
        Ok(Self { http: HttpReader::new(&csv, Connections::Kept)?, page: endpoint.clone() })
    }

    /// The reader underneath.
    pub fn http(&self) -> &HttpReader {
        &self.http
    }

    /// The table, and the head of the answer.
    ///
    /// # Errors
    /// When no complete table came.
    pub async fn statistics(&self) -> Result<(StatTable, HttpHead), HttpError> {
        let answer = self.http.get("").await?;
        if answer.head.status != 200 {
            return Err(unexpected(&answer, "no statistics here"));
        }
        match StatTable::parse(&answer.body) {
            Ok(table) => Ok((table, answer.head)),
            Err(error) => Err(unexpected(&answer, error.reason())),
        }
    }

    /// What the HTML page tells beyond the table.
    ///
    /// # Errors
    /// When no page came.
    pub async fn page(&self) -> Result<StatPage, HttpError> {
        let answer = HttpReader::new(&self.page, Connections::Fresh)?.get("").await?;
        let text = String::from_utf8_lossy(&answer.body);
        let version = text.split_once("HAProxy version ").map(|(_, rest)| rest);
        let version = version.and_then(|rest| rest.split([',', '<', ' ']).next()).filter(|word| !word.is_empty());
        let offers_actions = ["<select name=action", "name=\"action\""].iter().any(|mark| text.contains(mark));
        Ok(StatPage { version: version.map(ToOwned::to_owned), offers_actions })
    }
}

fn unexpected(answer: &HttpAnswer, reason: &'static str) -> HttpError {
    let line = if answer.body.starts_with(b"#") { String::new() } else { first_line(&answer.body) };
    HttpError::Unexpected { status: answer.head.status, reason, line }
}

/// The URL that gives CSV for the page at `url`: HAProxy takes `;csv` behind whatever its `stats uri` is, question
/// mark or not. A URL that asks for CSV already stays as it is.
pub fn csv_url(url: &str) -> String {
    let url = url.trim().split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if rest.split(';').skip(1).any(|option| option == "csv") || scheme.is_empty() {
        return url.to_owned();
    }
    if rest.contains(['/', '?']) { format!("{url};csv") } else { format!("{url}/;csv") }
}

#[cfg(test)]
mod tests;
