//! What `doctor` finds at one endpoint.

use std::fmt;

use serde::Serialize;

use super::source::Source;
use super::text::Text;

/// What was examined.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckAspect {
    /// The configuration itself.
    Configuration,
    /// Name resolution and connection.
    Reach,
    /// TLS and certificates.
    Tls,
    /// Credentials.
    Credentials,
    /// Rights: too few to see, or more than needed.
    Privileges,
    /// Versions.
    Version,
    /// Clock.
    Clock,
    /// The answer is what the configuration expects: scope, system identifier, member names.
    Identity,
    /// What its data should say.
    Assertion,
}

impl fmt::Display for CheckAspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Configuration => "configuration",
            Self::Reach => "reach",
            Self::Tls => "tls",
            Self::Credentials => "credentials",
            Self::Privileges => "privileges",
            Self::Version => "version",
            Self::Clock => "clock",
            Self::Identity => "identity",
            Self::Assertion => "assertion",
        })
    }
}

/// How it came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckupVerdict {
    /// In order.
    Pass,
    /// Left out: by intent, or since this version or this setting of the far end never tells it. Nothing to mend.
    Skipped,
    /// Works, but should be changed.
    Warn,
    /// Should have been examined and could not be.
    Unknown,
    /// Does not work.
    Fail,
}

impl CheckupVerdict {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// One examined aspect of one endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CheckLine {
    /// Which source it serves.
    pub source: Source,
    /// Where.
    pub endpoint: Text,
    /// What was examined.
    pub aspect: CheckAspect,
    /// How it came out.
    pub verdict: CheckupVerdict,
    /// What was found, one line.
    pub text: Text,
    /// What to do about it, one line; empty where nothing needs doing.
    pub remedy: Text,
}
