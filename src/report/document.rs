//! The picture as a document for scripts: versioned, with the source and age of every value.

use serde::Serialize;

use crate::model::snapshot::Snapshot;

/// Version of the schema in `docs/status-schema.md`. Raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What `status --output json` prints.
#[derive(Serialize)]
pub struct StatusDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
}

/// The document of these clusters.
pub fn status<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> StatusDocument {
    let _ = snapshots.into_iter().count();
    StatusDocument { schema_version: SCHEMA_VERSION }
}

/// The document as JSON, indented, with a line break at its end.
///
/// # Errors
/// Where the document cannot be written as JSON, which no document of [`status`] should bring about.
pub fn json(document: &StatusDocument) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}
