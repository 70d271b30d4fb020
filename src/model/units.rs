//! Numbers as an operator reads them. Each magnitude has one precision, so that a value never changes its shape from
//! one second to the next, and no text is longer than its `_WIDTH`: columns are as wide as that, and never move.
//!
//! Bytes count as PostgreSQL counts them: 1 kB is 1024 bytes.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Longest text of [`bytes`].
pub const BYTES_WIDTH: u16 = 8;
/// Longest text of [`bytes_rate`].
pub const BYTES_RATE_WIDTH: u16 = 10;
/// Longest text of [`duration`].
pub const DURATION_WIDTH: u16 = 8;
/// Longest text of [`age`].
pub const AGE_WIDTH: u16 = 12;
/// Longest text of [`count`] and of [`signed`].
pub const COUNT_WIDTH: u16 = 8;
/// Longest text of [`rate`].
pub const RATE_WIDTH: u16 = 10;
/// Longest text of [`percent`].
pub const PERCENT_WIDTH: u16 = 5;
/// Longest text of an [`Lsn`](crate::model::lsn::Lsn).
pub const LSN_WIDTH: u16 = 17;
/// Length of [`date_time`].
pub const DATE_TIME_WIDTH: u16 = 19;
/// Length of [`time_of_day`].
pub const TIME_OF_DAY_WIDTH: u16 = 8;

/// Bytes: whole up to kB, one decimal from MB on; the next unit begins at 1000 of the last.
///
/// `512 B`, `48 kB`, `1.2 GB`.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let kilo = (u128::from(bytes) + 512) >> 10;
    if kilo < 1000 {
        return format!("{kilo} kB");
    }
    let tenths = |shift: u32| (u128::from(bytes) * 10 + (1 << (shift - 1))) >> shift;
    let units = [("MB", 20), ("GB", 30), ("TB", 40), ("PB", 50)];
    let (unit, tenths) = units
        .into_iter()
        .map(|(unit, shift)| (unit, tenths(shift)))
        .find(|(_, tenths)| *tenths < 10_000)
        .unwrap_or_else(|| ("EB", tenths(60)));
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Bytes a second: `8.0 MB/s`.
pub fn bytes_rate(per_second: u64) -> String {
    format!("{}/s", bytes(per_second))
}

/// A length of time: tenths of a second below a minute, whole minutes below an hour, hours and minutes below a day,
/// days and hours above. Cut, not rounded: what says 5 min lasts at least 5 minutes.
///
/// `0.2 s`, `41.0 s`, `4 min`, `2h 10m`, `12d 4h`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}.{} s", span.subsec_millis() / 100),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ if days < 1000 => format!("{days}d {}h", hours % 24),
        _ => format!("{}d", days.min(9_999_999)),
    }
}

/// A span to the hundredth of a second, for what is compared: `22.60 s`.
pub fn precise(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

/// A length of time of milliseconds: `1.2 ms`, `840 ms`, then as [`duration`].
pub fn latency(span: Duration) -> String {
    match span.as_micros() {
        micros @ 0..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => duration(span),
    }
}

/// How long ago, in whole seconds, at least one: `1 s ago`. What is asked every second is always about a second old, and
/// tenths would only flicker.
pub fn age(span: Duration) -> String {
    let seconds = span.as_secs_f64().round().max(1.0) as u64;
    if seconds < 60 { format!("{seconds} s ago") } else { format!("{} ago", duration(span)) }
}

/// A count with thousands set apart; from a million on in millions with one decimal, then `bn`.
///
/// `83`, `1,204`, `999,999`, `41.3 M`.
pub fn count(count: u64) -> String {
    const MILLION: u64 = 1_000_000;
    let tenths = |unit: u64| u128::from(count) * 10 / u128::from(unit);
    if count < 1000 {
        return count.to_string();
    }
    if count < MILLION {
        return format!("{},{:03}", count / 1000, count % 1000);
    }
    let units = [("M", MILLION), ("G", MILLION * 1000), ("T", MILLION * MILLION)];
    let (unit, tenths) = units
        .into_iter()
        .map(|(unit, size)| (unit, tenths(size)))
        .find(|(_, tenths)| *tenths < 10_000)
        .unwrap_or_else(|| ("E", tenths(MILLION * MILLION * MILLION)));
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A whole number with every digit, thousands set apart: for one fact on its own, not for a column.
pub fn exact(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes that may be negative, such as those left before a slot is lost.
pub fn signed_bytes(value: i64) -> String {
    let text = bytes(value.unsigned_abs());
    if value < 0 { format!("-{text}") } else { text }
}

/// Events a second: `412/s`.
pub fn rate(per_second: u64) -> String {
    format!("{}/s", count(per_second))
}

/// A share of a whole in whole percent, cut at 999: `83 %`. `None` of nothing.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    percent_value(part, whole).map(|percent| format!("{percent} %"))
}

/// The number that [`percent`] writes.
pub fn percent_value(part: u64, whole: u64) -> Option<u64> {
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole))?;
    Some(u64::try_from(percent.min(999)).unwrap_or(999))
}

/// The version that a server names, without the packager's addition: `17.2 (Debian 17.2-1)` is `17.2`.
pub fn version_name(text: &str) -> &str {
    text.split([' ', '(']).next().unwrap_or_default()
}

/// Whether the version that a server names is not out yet: `19beta2`, `19rc1`, `20devel`.
pub fn is_prerelease(name: &str) -> bool {
    ["devel", "alpha", "beta", "rc"].iter().any(|word| name.contains(word))
}

/// `server_version_num` as PostgreSQL writes it: `17.2`, `9.6.24`.
pub fn server_version(number: u32) -> String {
    if number >= 100_000 {
        format!("{}.{}", number / 10_000, number % 10_000)
    } else {
        format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
    }
}

/// Date and time in `zone`: `2026-11-21 14:02:07`.
pub fn date_time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Date and time where no zone of the reader is known: `2026-11-21 14:02:07 UTC`.
pub fn utc(at: Timestamp) -> String {
    format!("{} UTC", date_time(at, &TimeZone::UTC))
}

/// Time of day in `zone`: `14:02:07`.
pub fn time_of_day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `1 finding`, `2 findings`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Reads a duration.
///
/// # Errors
/// What is wrong with the text, in words for the operator.
pub fn parsed_duration(text: &str) -> Result<Duration, String> {
    let right = "use a duration such as \"1s\", \"500ms\" or \"1h 30m\"";
    let parsed: jiff::SignedDuration =
        text.trim().parse().map_err(|_| format!("`{text}` is not a duration; {right}"))?;
    Duration::try_from(parsed).map_err(|_| format!("`{text}` is negative; {right}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0 B")]
    #[case(999, "999 B")]
    #[case(1000, "1 kB")]
    #[case(48 << 10, "48 kB")]
    #[case(1_022_000, "998 kB")]
    #[case(1_023_488, "1.0 MB")]
    #[case(1 << 20, "1.0 MB")]
    #[case(1_288_490_188, "1.2 GB")]
    #[case((1000 << 20) - 1, "1.0 GB")]
    #[case(u64::MAX, "16.0 EB")]
    fn bytes_count_as_postgresql_counts(#[case] value: u64, #[case] text: &str) {
        assert_eq!(bytes(value), text);
    }

    #[rstest]
    #[case(0.0, "0.0 s")]
    #[case(0.25, "0.2 s")]
    #[case(41.0, "41.0 s")]
    #[case(59.999, "59.9 s")]
    #[case(60.0, "1 min")]
    #[case(299.0, "4 min")]
    #[case(7800.0, "2h 10m")]
    #[case(86_399.0, "23h 59m")]
    #[case(1_051_200.0, "12d 4h")]
    #[case(86_400_000.0, "1000d")]
    fn durations_are_cut_never_rounded_up(#[case] seconds: f64, #[case] text: &str) {
        assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
    }

    #[rstest]
    #[case(1_204, "1,204")]
    #[case(999_999, "999,999")]
    #[case(41_300_000, "41.3 M")]
    fn counts_have_thousands_set_apart(#[case] value: u64, #[case] text: &str) {
        assert_eq!(count(value), text);
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(percent(1, 0), None);
        assert_eq!(percent(85, 100).as_deref(), Some("85 %"));
    }

    #[test]
    fn versions_are_written_as_the_server_writes_them() {
        assert_eq!(server_version(170_002), "17.2");
        assert_eq!(server_version(90_624), "9.6.24");
        assert_eq!(version_name("19rc1 (Debian 19~rc1-1.pgdg+1)"), "19rc1");
        assert!(is_prerelease("19rc1") && is_prerelease("20devel") && !is_prerelease("17.2"));
    }

    #[test]
    fn an_exact_number_keeps_every_digit() {
        assert_eq!(exact(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(exact(100), "100");
    }

    /// Values of every magnitude, not only large ones.
    fn magnitudes() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        #[test]
        fn no_number_is_wider_than_its_column(value in magnitudes(), whole in magnitudes()) {
            let fits = |text: String, width: u16| text.chars().count() <= usize::from(width);
            prop_assert!(fits(bytes(value), BYTES_WIDTH));
            prop_assert!(fits(bytes_rate(value), BYTES_RATE_WIDTH));
            prop_assert!(fits(count(value), COUNT_WIDTH));
            prop_assert!(fits(rate(value), RATE_WIDTH));
            let spans = [Duration::from_secs(value), Duration::from_millis(value), Duration::from_micros(value)];
            for span in spans {
                prop_assert!(fits(duration(span), DURATION_WIDTH));
                prop_assert!(fits(latency(span), DURATION_WIDTH));
                prop_assert!(fits(age(span), AGE_WIDTH));
            }
            prop_assert!(percent(value, whole).is_none_or(|text| fits(text, PERCENT_WIDTH)));
        }

        #[test]
        fn more_is_never_written_as_less(value in magnitudes(), more in magnitudes()) {
            let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
            let rank = |text: String| {
                let (number, unit) = text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
                (units.iter().position(|known| *known == unit), (number.parse::<f64>().unwrap() * 10.0) as u64)
            };
            let (low, high) = (value.min(more), value.max(more));
            prop_assert!(rank(bytes(low)) <= rank(bytes(high)));
        }
    }
}
