//! Text from outside, made harmless once and for good.
//!
//! Names, log lines, query text and error text come from servers that anybody may write to. [`Text`] can only be
//! made by removing everything a terminal would obey, so whatever is typed `Text` may be drawn as it is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod clean;
mod invisible;
mod redact;

pub use redact::{MASK, redact};

/// Longest text kept, in characters. Longer outside text is cut and ends in an ellipsis: an answer of 100 MB must not
/// become a line of 100 MB.
pub const MAX_LENGTH: usize = 4096;

/// Text without control characters, escape sequences, direction overrides, or characters that nobody sees. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Cleans `raw`: escape sequences vanish whole, line breaks and tabs become one blank, other control characters,
    /// bidirectional overrides and invisible characters are dropped, and the rest is cut at [`MAX_LENGTH`]. An escape
    /// sequence that never ends takes the rest with it, and leaves an ellipsis.
    pub fn new(raw: impl AsRef<str>) -> Self {
        Self(clean::clean(raw.as_ref()).into())
    }

    /// Like [`Text::new`], with passwords, tokens and keys masked as well, as [`redact`] finds them. For anything that may
    /// carry a conninfo or a header: error messages, `primary_conninfo`, `conn_url`, statements.
    pub fn redacted(raw: impl AsRef<str>) -> Self {
        Self::new(redact(raw.as_ref()))
    }

    /// `count` blanks: the seam between two pieces of text on one line, which cleaning would take away.
    pub fn blanks(count: usize) -> Self {
        Self(" ".repeat(count.min(MAX_LENGTH)).into())
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self("".into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(raw)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests;
