//! Positions in the write-ahead log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A log sequence number: a byte position in the write-ahead log. Written `X/Y` in hexadecimal by PostgreSQL and as a
/// plain number of bytes by Patroni's REST interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Bytes from this position up to `ahead`; zero when `ahead` is in truth behind, since a standby may report a
    /// later sample than its leader did.
    pub fn bytes_to(self, ahead: Self) -> u64 {
        ahead.0.saturating_sub(self.0)
    }
}

/// The first version that writes the lower half with all its eight digits.
const PADDED: u32 = 190_000;

/// A position written as a server of one version writes it, so that what is shown can be searched for and copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LsnText {
    lsn: Lsn,
    padded: bool,
}

impl Lsn {
    /// This position as a server of `version` (`server_version_num`) writes it: `0/5050420`, from 19 on `0/05050420`.
    /// Where the version is not known, as most do.
    pub fn as_reported_by(self, version: Option<u32>) -> LsnText {
        LsnText { lsn: self, padded: version.is_some_and(|version| version >= PADDED) }
    }
}

impl fmt::Display for LsnText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lsn(position) = self.lsn;
        if self.padded {
            write!(f, "{:X}/{:08X}", position >> 32, position & 0xffff_ffff)
        } else {
            fmt::Display::fmt(&self.lsn, f)
        }
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not of the form `X/Y` in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a log sequence number of the form X/Y")]
pub struct NotAnLsn;

impl FromStr for Lsn {
    type Err = NotAnLsn;

    fn from_str(text: &str) -> Result<Self, NotAnLsn> {
        let (high, low) = text.trim().split_once('/').ok_or(NotAnLsn)?;
        let half = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten().ok_or(NotAnLsn)
        };
        Ok(Self(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
    }
}

/// A timeline: raised by one at each promotion. Higher means promoted later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(pub u32);

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TL{}", self.0)
    }
}

/// PostgreSQL's system identifier: made by initdb, shared by a primary and all its standbys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SystemId(pub u64);

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(position in any::<u64>()) {
            let lsn = Lsn(position);
            prop_assert_eq!(lsn.to_string().parse::<Lsn>(), Ok(lsn));
        }

        #[test]
        fn nonsense_is_an_error_not_a_panic(text in any::<String>()) {
            let _ = text.parse::<Lsn>();
        }
    }

    #[test]
    fn a_position_is_written_as_the_server_of_its_node_writes_it() {
        let lsn = Lsn(0x505_0420);
        assert_eq!(lsn.as_reported_by(Some(180_004)).to_string(), "0/5050420");
        assert_eq!(lsn.as_reported_by(Some(190_000)).to_string(), "0/05050420");
        assert_eq!(lsn.as_reported_by(None).to_string(), "0/5050420");
        assert_eq!("0/05050420".parse::<Lsn>(), Ok(lsn));
    }

    #[test]
    fn signs_blanks_and_overlong_halves_are_refused() {
        for text in ["", "/", "+1/2", "1/-2", "1/ 2", "123456789/0", "0/123456789", "1/2/3", "G/1"] {
            assert_eq!(text.parse::<Lsn>(), Err(NotAnLsn), "{text}");
        }
    }

    #[test]
    fn a_standby_ahead_of_an_old_sample_is_not_behind() {
        assert_eq!(Lsn(20).bytes_to(Lsn(10)), 0);
        assert_eq!(Lsn(10).bytes_to(Lsn(25)), 15);
    }
}
