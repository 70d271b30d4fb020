//! What a change of the dynamic configuration changes: each setting as it is and as it becomes.

use serde_json::{Map, Value};

use super::line::Line;
use super::table::Tone;
use crate::action::configuration::present;
use crate::action::parse::differences;
use crate::model::snapshot::Snapshot;

/// Each changed setting; secrets are masked, as on record.
pub fn lines(changes: &Map<String, Value>, snapshot: &Snapshot) -> Vec<Line> {
    let present = present(snapshot).unwrap_or_default();
    let mut lines = Vec::new();
    for (path, old, new) in differences(changes, &Value::Object(present)) {
        if let Some(old) = &old {
            lines.push(Line::new().with(format!("- {path}: {old}"), Tone::Critical));
        }
        match &new {
            Some(new) => lines.push(Line::new().with(format!("+ {path}: {new}"), Tone::Ok)),
            None if old.is_none() => lines.push(Line::new().dim(format!("  {path} is not set"))),
            None => {}
        }
    }
    lines
}
