//! Values as they are written: durations, sizes, URLs, addresses. Each refuses nonsense in words that say what would be
//! right, at the place where it stands.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use url::Url;

use super::address::HostPort;
use super::endpoint::RuntimeApi;

/// Reads a value from its text through a function that explains refusals.
macro_rules! from_text {
    ($name:ident, $expecting:literal, $parse:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl Visitor<'_> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        $parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Reader)
            }
        }
    };
}

/// A length of time: `"1s"`, `"500ms"`, `"1h 30m"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(super) struct Span(pub(super) Duration);

from_text!(Span, "a duration in quotes such as \"1s\", \"500ms\" or \"1h 30m\"", |text| {
    no_longer_than(text, MAX_DURATION, "24h").map(Span)
});

/// As [`Span`], for what is measured and not waited for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(super) struct LongSpan(pub(super) Duration);

from_text!(LongSpan, "a duration in quotes such as \"5m\" or \"72h\"", |text| {
    no_longer_than(text, MAX_MEASURED, "8784h").map(LongSpan)
});

/// Nothing is waited for longer: with such an interval or deadline nothing would ever be stale.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);
/// A year.
const MAX_MEASURED: Duration = Duration::from_secs(366 * 24 * 3600);

fn no_longer_than(text: &str, longest: Duration, written: &str) -> Result<Duration, String> {
    let span = duration(text)?;
    if span > longest { Err(format!("`{text}` is too long; use at most \"{written}\"")) } else { Ok(span) }
}

pub use crate::model::units::parsed_duration as duration;

/// As [`duration`], and whole days besides: `7d`.
///
/// # Errors
/// As [`duration`].
pub fn long_duration(text: &str) -> Result<Duration, String> {
    let days = text.trim().strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    days.map_or_else(|| duration(text), |days| Ok(Duration::from_secs(u64::from(days) * 86_400)))
}

/// How long files are kept: `"90d"`, `"forever"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeepTime(pub(super) Option<Duration>);

from_text!(KeepTime, "a duration in quotes such as \"90d\", or \"forever\"", |text| keep_time(text).map(KeepTime));

/// Shorter, and an action that was begun on Friday could not be read on Monday.
const MIN_KEEP_TIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// `None`: for ever. A leap from the present to before any calendar is none either.
fn keep_time(text: &str) -> Result<Option<Duration>, String> {
    if text.trim() == "forever" {
        return Ok(None);
    }
    let span = long_duration(text)?;
    if span < MIN_KEEP_TIME {
        return Err(format!("`{text}` is too short; use at least \"7d\", or \"forever\""));
    }
    Ok(Some(span))
}

/// A number of bytes: `"64MB"`, with PostgreSQL's units (powers of 1024), or a plain number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(super) struct Size(pub(super) u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"64MB\" or a number of bytes")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                size(text).map(Size).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
                u64::try_from(bytes).map(Size).map_err(|_| E::custom("a size cannot be negative"))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Reads a size.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let refuse = |why: &str| format!("`{text}` {why}; use a size such as \"64MB\" or \"1GB\" (B, kB, MB, GB, TB)");
    let text_trimmed = text.trim();
    let digits = text_trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(text_trimmed.len());
    let (number, unit) = text_trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refuse("is not a size"))?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(refuse("has an unknown unit")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| refuse("is too large"))
}

/// An `http` or `https` URL without user information.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HttpUrl(pub(super) Url);

from_text!(HttpUrl, "a URL in quotes such as \"http://10.0.0.1:8008\"", |text| http_url(text).map(HttpUrl));

/// Reads a URL. `host:port` alone is refused rather than guessed at: whether it is TLS must be written.
pub(super) fn http_url(text: &str) -> Result<Url, String> {
    let shown = crate::model::text::redact(text);
    if !text.contains("://") {
        return Err(format!("`{shown}` has no scheme; use \"http://{shown}\" or \"https://{shown}\""));
    }
    let url =
        Url::parse(text).map_err(|error| format!("`{shown}` is not a URL ({error}); use \"http://host:port\""))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{shown}` is not http or https; use \"http://host:port\" or \"https://host:port\""));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("`{shown}` has no host; use \"http://host:port\""));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "`{shown}` contains a user; remove it from the URL, and set `user` with `password_file`, \
                `password_env` or `password_command` next to it"
        ));
    }
    Ok(url)
}

/// The URL as text, without the slash that stands for an empty path.
pub(super) fn url_text(url: &Url) -> String {
    let text = url.as_str();
    if url.path() == "/" && url.query().is_none() { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
}

/// `host:port`, or a host alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HostAndPort(pub(super) HostPort);

from_text!(HostAndPort, "a host with a port in quotes such as \"10.0.0.1:5432\"", |text: &str| {
    HostPort::parse(text)
        .map(HostAndPort)
        .ok_or_else(|| format!("`{text}` is not an address; use \"host:port\", an IPv6 address in brackets"))
});

/// Where clients reach PostgreSQL through a router: `host:port`. A router has no usual port, so it must be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SqlAddress(pub(super) String, pub(super) u16);

from_text!(SqlAddress, "a host with a port in quotes such as \"10.0.0.1:5000\"", |text: &str| {
    match HostPort::parse(text) {
        Some(HostPort { host, port: Some(port) }) => Ok(SqlAddress(host, port)),
        Some(HostPort { port: None, .. }) => Err(format!("`{text}` has no port; use \"{text}:5000\"")),
        None => Err(format!("`{text}` is not an address; use \"host:port\", an IPv6 address in brackets")),
    }
});

/// HAProxy's runtime API: `tcp:host:port` or `unix:/path`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Runtime(pub(super) RuntimeApi);

from_text!(Runtime, "\"tcp:host:port\" or \"unix:/path\"", |text| runtime(text).map(Runtime));

fn runtime(text: &str) -> Result<RuntimeApi, String> {
    let refuse =
        || format!("`{text}` is not a runtime API address; use \"tcp:host:9999\" or \"unix:/run/haproxy/admin.sock\"");
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.starts_with('/') { Ok(RuntimeApi::Unix(path.into())) } else { Err(refuse()) };
    }
    let address = text.strip_prefix("tcp:").ok_or_else(refuse)?.trim_start_matches("//");
    match HostPort::parse(address) {
        Some(HostPort { port: Some(_), .. }) => Ok(RuntimeApi::Tcp(address.to_owned())),
        Some(_) | None => Err(refuse()),
    }
}

/// A colour for a cluster: one of the sixteen names, or `#rrggbb`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Colour(pub(super) String);

from_text!(Colour, "a colour in quotes such as \"red\" or \"#d7005f\"", |text| colour(text).map(Colour));

/// Names of colours that every terminal has.
const COLOURS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

fn colour(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let hexadecimal = lower
        .strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if hexadecimal || COLOURS.contains(&lower.as_str()) {
        return Ok(lower);
    }
    let hint = nearest(&lower, COLOURS).map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
    Err(format!("`{text}` is not a colour{hint}; use one of {}, or \"#rrggbb\"", COLOURS.join(", ")))
}

/// The word of `known` that is most like `word`, if any is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1s", 1000)]
    #[case("500ms", 500)]
    #[case("1h 30m", 5_400_000)]
    #[case("2 minutes", 120_000)]
    fn durations_are_read(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
    }

    #[rstest]
    #[case("24h", true)]
    #[case("24h 1s", false)]
    #[case("9223372036854775807s", false)]
    fn what_is_waited_for_lasts_a_day_at_most(#[case] text: &str, #[case] good: bool) {
        let read = toml::from_str::<std::collections::BTreeMap<String, Span>>(&format!("interval = \"{text}\""));
        assert_eq!(read.is_ok(), good, "{read:?}");
        let long = toml::from_str::<std::collections::BTreeMap<String, LongSpan>>(&format!("age = \"{text}\""));
        assert_eq!(long.is_ok(), text.len() < 10, "{long:?}");
        if let Err(error) = read {
            assert!(error.to_string().contains("too long; use at most \"24h\""), "{error}");
        }
    }

    #[rstest]
    #[case("forever", Ok(None))]
    #[case("90d", Ok(Some(90)))]
    #[case("168h", Ok(Some(7)))]
    #[case("6d", Err("at least \"7d\""))]
    #[case("0d", Err("at least \"7d\""))]
    #[case("soon", Err("soon"))]
    fn files_are_kept_for_days_or_for_ever(#[case] text: &str, #[case] days: Result<Option<u64>, &str>) {
        match (keep_time(text), days) {
            (Ok(kept), Ok(days)) => assert_eq!(kept, days.map(|days| Duration::from_secs(days * 86_400))),
            (Err(problem), Err(words)) => assert!(problem.contains(words), "{problem}"),
            (read, wanted) => panic!("{read:?} instead of {wanted:?}"),
        }
    }

    #[rstest]
    #[case("64MB", 64 << 20)]
    #[case("1 GB", 1 << 30)]
    #[case("8192", 8192)]
    #[case("16kB", 16 << 10)]
    fn sizes_have_the_units_of_postgresql(#[case] text: &str, #[case] bytes: u64) {
        assert_eq!(size(text), Ok(bytes));
    }

    #[rstest]
    #[case("10.0.0.1:8008", "no scheme")]
    #[case("ftp://x/", "not http")]
    #[case("http://u:secret@x:8008", "remove it from the URL")]
    #[case("http://", "not a URL")]
    fn a_wrong_url_is_explained_and_never_shows_a_password(#[case] text: &str, #[case] word: &str) {
        let error = http_url(text).unwrap_err();
        assert!(error.contains(word), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[rstest]
    #[case("tcp:10.0.0.1:9999", Some(RuntimeApi::Tcp("10.0.0.1:9999".to_owned())))]
    #[case("tcp://[::1]:9999", Some(RuntimeApi::Tcp("[::1]:9999".to_owned())))]
    #[case("unix:/run/haproxy.sock", Some(RuntimeApi::Unix("/run/haproxy.sock".into())))]
    #[case("10.0.0.1:9999", None)]
    #[case("tcp:host", None)]
    #[case("unix:relative", None)]
    fn a_runtime_api_says_its_transport(#[case] text: &str, #[case] expected: Option<RuntimeApi>) {
        match (runtime(text), expected) {
            (Ok(read), Some(expected)) => assert_eq!(read, expected),
            (Err(error), None) => assert!(error.contains("use \"tcp:host:9999\""), "{error}"),
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in any::<String>()) {
            let _ = (duration(&text), size(&text), http_url(&text).is_ok(), runtime(&text), colour(&text));
        }
    }
}
