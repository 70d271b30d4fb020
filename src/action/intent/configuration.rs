//! The configuration that all members share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What can be wanted of the configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigurationIntent {
    /// Change the dynamic configuration.
    Configure {
        /// Keys to set; `null` removes one. Nested as the configuration is.
        changes: Map<String, Value>,
    },
}
