//! How far behind a replica may be and still become the leader, as Patroni's agents count it.

use serde::Serialize;

use super::units;

/// `maximum_lag_on_failover`, in bytes. Negative where somebody wrote it so: agents compare as it stands (`lag > limit`),
/// so that even a replica that lacks nothing is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LagLimit(pub i64);

impl LagLimit {
    /// What an agent takes where none is configured, or none that it can read.
    pub const DEFAULT: Self = Self(1 << 20);

    /// Whether a replica that lacks this many bytes may become the leader.
    pub fn allows(self, lag: u64) -> bool {
        u64::try_from(self.0).is_ok_and(|limit| lag <= limit)
    }

    /// Whether no replica may, however near it is.
    pub fn allows_nobody(self) -> bool {
        self.0 < 0
    }
}

impl Default for LagLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl std::fmt::Display for LagLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match u64::try_from(self.0) {
            Ok(bytes) => formatter.write_str(&units::bytes(bytes)),
            Err(_) => write!(formatter, "{} B, which no replica satisfies", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::default(LagLimit::DEFAULT, 1 << 20, true)]
    #[case::above(LagLimit::DEFAULT, (1 << 20) + 1, false)]
    #[case::nothing_may_lack(LagLimit(0), 0, true)]
    #[case::below_zero(LagLimit(-1), 0, false)]
    #[case::beyond_what_an_agent_counts(LagLimit(i64::MAX), u64::MAX, false)]
    fn a_lag_is_compared_as_patroni_compares_it(#[case] limit: LagLimit, #[case] lag: u64, #[case] allowed: bool) {
        assert_eq!(limit.allows(lag), allowed);
    }

    #[test]
    fn a_limit_that_nobody_meets_is_shown_as_it_is_configured() {
        assert_eq!(LagLimit(-5).to_string(), "-5 B, which no replica satisfies");
        assert_eq!(LagLimit::DEFAULT.to_string(), "1.0 MB");
    }
}
