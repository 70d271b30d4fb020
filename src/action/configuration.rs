//! The dynamic configuration as it is edited: what is shown of it, with secrets masked. A masked value that nobody touches
//! is no change, so it is never written back.

use serde_json::{Map, Value};

use super::parse::{ParseError, changed, changes_between};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// The configuration on a fresh record, secrets masked. `None`: it is not on record, or not readable as a whole.
pub fn present(snapshot: &Snapshot) -> Option<Map<String, Value>> {
    let record = snapshot.records.iter().find_map(|reading| reading.fresh(snapshot.now))?;
    let lines = &record.config()?.lines;
    let text = lines.iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
    serde_json::from_str(&text).ok()
}

/// The text to be edited, as the record has it and with `typed` in it: what is edited is compared with the former.
pub fn texts(snapshot: &Snapshot, typed: &Map<String, Value>) -> Option<(String, String)> {
    let present = present(snapshot)?;
    let pretty = |map: &Map<String, Value>| serde_json::to_string_pretty(map).map(|text| text + "\n").ok();
    Some((pretty(&present)?, pretty(&changed(&present, typed))?))
}

/// What was changed from `before` to `after`, both texts as edited.
///
/// # Errors
/// `after` is no JSON object, or nothing was changed.
pub fn edited(before: &str, after: &str) -> Result<Map<String, Value>, ParseError> {
    let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text);
    let before = read(before).map_err(|error| ParseError(format!("the configuration is not valid JSON: {error}")))?;
    let after = read(after).map_err(|error| ParseError(format!("your input is not a JSON object: {error}")))?;
    let changes = changes_between(&before, &after);
    if changes.is_empty() { Err(ParseError("nothing was changed".to_owned())) } else { Ok(changes) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_json_or_no_change_is_reported_and_plans_nothing() {
        let before = r#"{"ttl": 30, "password": "***"}"#;
        assert!(edited(before, "{ttl: 20").unwrap_err().0.contains("not a JSON object"));
        assert!(edited(before, before).unwrap_err().0.contains("nothing was changed"));
        let changes = edited(before, r#"{"ttl": 20, "password": "***"}"#).unwrap();
        assert_eq!(Value::Object(changes), json!({"ttl": 20}), "a masked secret is not written back");
    }
}
