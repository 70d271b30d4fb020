//! The lines that `doctor` prints, gathered at one endpoint, and the examinations that every HTTP endpoint shares.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::client::cause::Cause;
use crate::client::certificate::{self, ProbeError, ServerCertificate};
use crate::client::http::{HttpHead, HttpReader};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::failure_kind;
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::source::{FailureKind, Source, SourceError};
use crate::model::text::Text;

/// A certificate with fewer days left should be renewed.
const RENEW_DAYS: i64 = 30;

/// Clocks further apart than this, in seconds, spoil the comparison of times between machines.
const CLOCK_OFFSET: i64 = 5;

/// The lines of one endpoint.
#[derive(Debug)]
pub(crate) struct Checklist {
    source: Source,
    endpoint: Text,
    lines: Vec<CheckLine>,
}

impl Checklist {
    /// Nothing examined yet.
    pub(crate) fn new(source: Source, endpoint: Text) -> Self {
        Self { source, endpoint, lines: Vec::new() }
    }

    /// Adds a line. Text and remedy are cleaned and redacted.
    pub(crate) fn say(&mut self, aspect: CheckAspect, verdict: CheckupVerdict, text: impl AsRef<str>, remedy: &str) {
        self.lines.push(CheckLine {
            source: self.source.clone(),
            endpoint: self.endpoint.clone(),
            aspect,
            verdict,
            text: Text::redacted(text),
            remedy: Text::redacted(remedy),
        });
    }

    /// In order.
    pub(crate) fn pass(&mut self, aspect: CheckAspect, text: impl AsRef<str>) {
        self.say(aspect, CheckupVerdict::Pass, text, "");
    }

    /// Works, but should be changed.
    pub(crate) fn warn(&mut self, aspect: CheckAspect, text: impl AsRef<str>, remedy: &str) {
        self.say(aspect, CheckupVerdict::Warn, text, remedy);
    }

    /// Left out: not meant to be examined, or never told by this version or this setting of the far end.
    pub(crate) fn skipped(&mut self, aspect: CheckAspect, text: impl AsRef<str>) {
        self.say(aspect, CheckupVerdict::Skipped, text, "");
    }

    /// Should have been examined and could not be.
    pub(crate) fn unknown(&mut self, aspect: CheckAspect, text: impl AsRef<str>, remedy: &str) {
        self.say(aspect, CheckupVerdict::Unknown, text, remedy);
    }

    /// Does not work.
    pub(crate) fn fail(&mut self, aspect: CheckAspect, text: impl AsRef<str>, remedy: &str) {
        self.say(aspect, CheckupVerdict::Fail, text, remedy);
    }

    /// Does not work, for the reason that a source gave.
    pub(crate) fn failed(&mut self, error: &SourceError) {
        self.fail(aspect(error.failure_kind), error.brief(), error.remedy(self.source.kind));
    }

    /// What was found.
    pub(crate) fn into_lines(self) -> Vec<CheckLine> {
        self.lines
    }

    /// TLS of an HTTP endpoint: the certificate, or the lack of one.
    pub(crate) async fn transport(&mut self, http: &HttpReader, endpoint: &HttpEndpoint) {
        if let Some(login) = &endpoint.login {
            self.password_of(login).await;
        }
        let (tls, host, port) = http.place();
        if !tls {
            if endpoint.login.is_some() {
                self.warn(
                    CheckAspect::Tls,
                    "plain HTTP: the password is sent unencrypted",
                    "use https, or a trusted network",
                );
            }
            return;
        }
        let deadline = endpoint.timeouts.connect + endpoint.timeouts.request;
        let shown = certificate::probe(&host, port, &endpoint.tls, deadline).await;
        self.certificate(shown, endpoint.tls.insecure, wall_clock());
    }

    /// The certificate of a server, at `now`.
    pub(crate) fn certificate(&mut self, shown: Result<ServerCertificate, ProbeError>, insecure: bool, now: Timestamp) {
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => {
                let cause = match &error {
                    ProbeError::Connect(io) => Cause::of_io(io).unwrap_or(Cause::Name),
                    ProbeError::TimedOut(_) => Cause::TimedOut,
                    ProbeError::Settings(_)
                    | ProbeError::Name(_)
                    | ProbeError::Handshake(_)
                    | ProbeError::Unreadable => Cause::Tls,
                };
                let error = failure_kind::source_error(self.endpoint.as_str(), cause, &error);
                // Whether it is reached is examined elsewhere; here only TLS counts.
                if error.failure_kind == FailureKind::Tls {
                    self.failed(&error);
                } else {
                    self.unknown(CheckAspect::Tls, error.brief(), error.failure_kind.remedy());
                }
                return;
            }
        };
        let left = shown.days_left(u64::try_from(now.as_second()).unwrap_or(0));
        if let Some(distrust) = &shown.distrust {
            let names = shown.names.join(", ");
            self.fail(
                CheckAspect::Tls,
                format!("certificate not trusted: {distrust} (names: {names}; issuer: {})", shown.issuer),
                "set the CA that signed it, or server_name where only the name differs",
            );
        } else if insecure {
            self.warn(CheckAspect::Tls, "the certificate is not verified (insecure = true)", "set the CA file instead");
        }
        if left < 0 {
            self.fail(CheckAspect::Tls, format!("certificate expired (days ago: {})", -left), "renew the certificate");
        } else if left < RENEW_DAYS {
            self.warn(CheckAspect::Tls, format!("days until the certificate expires: {left}"), "renew the certificate");
        } else if shown.distrust.is_none() {
            self.pass(CheckAspect::Tls, format!("days until the certificate expires: {left}"));
        }
    }

    /// The far end's clock by its `Date`, against this host's at `now`.
    pub(crate) fn clock(&mut self, head: &HttpHead, now: Timestamp) {
        match server_time(head) {
            None => self.skipped(CheckAspect::Clock, "the response has no Date header"),
            Some(there) => self.offset(there.as_second() - now.as_second()),
        }
    }

    fn offset(&mut self, ahead: i64) {
        if ahead.abs() <= CLOCK_OFFSET {
            self.pass(CheckAspect::Clock, format!("within {CLOCK_OFFSET} s of this host"));
            return;
        }
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let text = format!("{} s {side} this host", ahead.abs());
        self.warn(CheckAspect::Clock, text, "synchronise the clocks of this host and the node (chrony, timesyncd)");
    }

    /// That an answer came, and how fast.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.pass(CheckAspect::Reach, format!("responded in {} ms", took.as_millis()));
    }
}

/// The far end's time by the `Date` of its answer, where it tells.
pub(crate) fn server_time(head: &HttpHead) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(head.date.as_deref()?).ok()
}

/// This host's wall clock: certificates and clocks are compared with it.
pub(crate) fn wall_clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "doctor compares the far end's clock with this host's")]
    Timestamp::now()
}

/// What a trouble is a failure of.
fn aspect(failure_kind: FailureKind) -> CheckAspect {
    match failure_kind {
        FailureKind::Refused
        | FailureKind::TimedOut
        | FailureKind::Name
        | FailureKind::Unreachable
        | FailureKind::Closed
        | FailureKind::NoQuorum
        | FailureKind::NotReady
        | FailureKind::SlotsTaken
        | FailureKind::ConnectionLimit
        | FailureKind::TooManyOpenFiles => CheckAspect::Reach,
        FailureKind::Tls => CheckAspect::Tls,
        FailureKind::Credentials | FailureKind::NotAttempted | FailureKind::Withheld => CheckAspect::Credentials,
        FailureKind::Permission => CheckAspect::Privileges,
        FailureKind::UnexpectedAnswer | FailureKind::NoSuchCluster | FailureKind::TooLarge => CheckAspect::Identity,
        FailureKind::Unsupported => CheckAspect::Configuration,
    }
}

/// How a version stands to the range that is known to work.
pub(crate) fn version_line(list: &mut Checklist, product: &str, version: &str, oldest: (u32, u32), newest: (u32, u32)) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        list.unknown(CheckAspect::Version, format!("{product} reports an unreadable version: {version}"), "");
        return;
    };
    let range = format!("{}.{} to {}.{}", oldest.0, oldest.1, newest.0, newest.1);
    if (major, minor) < oldest {
        let text = format!("{product} {version} is older than the supported versions ({range})");
        list.warn(CheckAspect::Version, text, "upgrade it, or expect fields to be missing");
    } else if (major, minor) > newest {
        let text = format!("{product} {version} is newer than the tested versions ({range})");
        list.warn(CheckAspect::Version, text, "check for a newer pgctl-tui");
    } else {
        list.pass(CheckAspect::Version, format!("{product} {version}"));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::source::SourceKind;

    fn list() -> Checklist {
        Checklist::new(Source::new(SourceKind::PatroniRest, "pg-0"), "http://pg-0:8008".into())
    }

    fn head(date: Option<&str>) -> HttpHead {
        let date = date.map(ToOwned::to_owned);
        HttpHead { status: 200, content_type: None, date, took: Duration::ZERO }
    }

    #[rstest]
    #[case(Some("Sat, 21 Nov 2026 06:00:03 GMT"), CheckupVerdict::Pass, "within 5 s")]
    #[case(Some("Sat, 21 Nov 2026 06:01:30 GMT"), CheckupVerdict::Warn, "90 s ahead of")]
    #[case(Some("Sat, 21 Nov 2026 05:00:00 GMT"), CheckupVerdict::Warn, "3600 s behind")]
    #[case(Some("soon"), CheckupVerdict::Skipped, "no Date header")]
    #[case(None, CheckupVerdict::Skipped, "no Date header")]
    fn clocks_are_compared_by_the_date_of_the_answer(
        #[case] date: Option<&str>,
        #[case] verdict: CheckupVerdict,
        #[case] words: &str,
    ) {
        let mut list = list();
        list.clock(&head(date), "2026-11-21T06:00:00Z".parse().expect("a time"));
        let line = &list.into_lines()[0];
        assert_eq!(line.verdict, verdict);
        assert!(line.text.as_str().contains(words), "{}", line.text);
    }

    #[rstest]
    #[case(60, None, false, &[CheckupVerdict::Pass])]
    #[case(10, None, false, &[CheckupVerdict::Warn])]
    #[case(60, None, true, &[CheckupVerdict::Warn, CheckupVerdict::Pass])]
    #[case(-3, Some("expired"), false, &[CheckupVerdict::Fail, CheckupVerdict::Fail])]
    #[case(60, Some("UnknownIssuer"), false, &[CheckupVerdict::Fail])]
    fn certificates_are_judged_by_trust_and_days_left(
        #[case] days: i64,
        #[case] distrust: Option<&str>,
        #[case] insecure: bool,
        #[case] verdicts: &[CheckupVerdict],
    ) {
        let now = 1_800_000_000;
        let shown = ServerCertificate {
            subject: "CN=pg-0".to_owned(),
            issuer: "CN=ops".to_owned(),
            names: vec!["pg-0".to_owned()],
            not_before: 0,
            not_after: u64::try_from(now + days * 86_400).expect("a time"),
            distrust: distrust.map(ToOwned::to_owned),
        };
        let mut list = list();
        list.certificate(Ok(shown), insecure, Timestamp::from_second(now).expect("a time"));
        assert_eq!(list.into_lines().iter().map(|line| line.verdict).collect::<Vec<_>>(), verdicts);
    }

    #[rstest]
    #[case("4.0.7", CheckupVerdict::Pass)]
    #[case("3.0.0", CheckupVerdict::Pass)]
    #[case("2.1.5", CheckupVerdict::Warn)]
    #[case("4.2.0-beta", CheckupVerdict::Warn)]
    #[case("?", CheckupVerdict::Unknown)]
    fn versions_outside_of_the_known_range_are_warned_about(#[case] version: &str, #[case] verdict: CheckupVerdict) {
        let mut list = list();
        version_line(&mut list, "Patroni", version, (3, 0), (4, 1));
        assert_eq!(list.into_lines()[0].verdict, verdict);
    }
}
