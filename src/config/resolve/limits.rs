//! Thresholds as written become thresholds as used: what is not written keeps its default, and a pair that could never
//! warn before it alarms is refused.

use std::fmt::Debug;

use super::super::written::{WrittenLimits, WrittenThresholds};
use super::Resolver;
use crate::model::thresholds::{Limits, Thresholds};

impl Resolver<'_> {
    pub(super) fn thresholds(&mut self, at: &str, written: &WrittenThresholds) -> Thresholds {
        let default = Thresholds::default();
        let WrittenThresholds {
            lag_bytes,
            lag_time,
            slot_retained,
            connections_percent,
            transaction_age,
            blocked_age,
            xid_percent,
            archive_ready,
            dcs_quota_percent,
            clock_offset,
            certificate_days,
            settle,
        } = written;
        let key = |name: &str| format!("{at}.{name}");
        Thresholds {
            lag_bytes: self.limits(&key("lag_bytes"), lag_bytes, default.lag_bytes, |size| size.0, Order::Rising),
            lag_time: self.limits(&key("lag_time"), lag_time, default.lag_time, |span| span.0, Order::Rising),
            slot_retained: self.limits(
                &key("slot_retained"),
                slot_retained,
                default.slot_retained,
                |size| size.0,
                Order::Rising,
            ),
            connections_percent: self.percent(
                &key("connections_percent"),
                connections_percent,
                default.connections_percent,
            ),
            transaction_age: self.limits(
                &key("transaction_age"),
                transaction_age,
                default.transaction_age,
                |span| span.0,
                Order::Rising,
            ),
            blocked_age: self.limits(
                &key("blocked_age"),
                blocked_age,
                default.blocked_age,
                |span| span.0,
                Order::Rising,
            ),
            xid_percent: self.percent(&key("xid_percent"), xid_percent, default.xid_percent),
            archive_ready: self.limits(
                &key("archive_ready"),
                archive_ready,
                default.archive_ready,
                |number| number,
                Order::Rising,
            ),
            dcs_quota_percent: self.percent(&key("dcs_quota_percent"), dcs_quota_percent, default.dcs_quota_percent),
            clock_offset: self.limits(
                &key("clock_offset"),
                clock_offset,
                default.clock_offset,
                |span| span.0,
                Order::Rising,
            ),
            certificate_days: self.limits(
                &key("certificate_days"),
                certificate_days,
                default.certificate_days,
                |days| days,
                Order::Falling,
            ),
            settle: settle.map_or(default.settle, |span| span.0),
        }
    }

    fn percent(&mut self, at: &str, written: &WrittenLimits<u64>, default: Limits<u64>) -> Limits<u64> {
        let limits = self.limits(at, written, default, |percent| percent, Order::Rising);
        if limits.warning > 100 || limits.critical > 100 {
            self.report_problem(at, "a percentage is at most 100", "use a number from 0 to 100");
        }
        limits
    }

    /// A limit that is written alone moves the other one along where the default would contradict it.
    fn limits<W: Copy, T: PartialOrd + Copy + Debug>(
        &mut self,
        at: &str,
        written: &WrittenLimits<W>,
        default: Limits<T>,
        value: impl Fn(W) -> T,
        order: Order,
    ) -> Limits<T> {
        let before = |first: T, second: T| match order {
            Order::Rising => first <= second,
            Order::Falling => first >= second,
        };
        let (warning, critical) = match (written.warning.map(&value), written.critical.map(&value)) {
            (Some(warning), Some(critical)) => {
                if !before(warning, critical) {
                    let word = if order == Order::Rising { "above" } else { "below" };
                    let problem = format!("warning ({warning:?}) is {word} critical ({critical:?})");
                    self.report_problem(at, problem, "swap them");
                }
                (warning, critical)
            }
            (Some(warning), None) => {
                (warning, if before(warning, default.critical) { default.critical } else { warning })
            }
            (None, Some(critical)) => {
                (if before(default.warning, critical) { default.warning } else { critical }, critical)
            }
            (None, None) => (default.warning, default.critical),
        };
        Limits { warning, critical }
    }
}

/// Whether a higher value is worse, or a lower one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Rising,
    Falling,
}
