//! Why a wire failed: told apart as far as the remedies differ, and in one clause that an operator can use. Libraries wrap
//! what happened in four layers of their own doings; the whole chain is for the log, the innermost reason for the screen.

use std::error::Error;
use std::io;

/// Linux's numbers for too many open files, of this process and of the host. No stable kind of the standard library tells them.
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();

/// The reason for a failure, by its remedy. Drivers translate it one to one into the model's word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// Nothing listens on the port or socket.
    Refused,
    /// No answer within the deadline.
    TimedOut,
    /// The host name does not resolve.
    Name,
    /// No route to the host.
    Unreachable,
    /// The TLS handshake failed, or the TLS settings are wrong.
    Tls,
    /// Credentials are wrong, missing, or cannot be fetched.
    Credentials,
    /// The login was kept back: nothing proves who would get it.
    Withheld,
    /// Known, but not allowed.
    Permission,
    /// Closed in the middle.
    Closed,
    /// Not what this protocol says.
    UnexpectedAnswer,
    /// Larger than any honest answer.
    TooLarge,
    /// The far end or the settings do not have what was asked.
    Unsupported,
    /// Starting up or shutting down.
    NotReady,
    /// Alive, but cut off from the majority that it needs.
    NoQuorum,
    /// Nobody was asked: this process, or its host, may not open another file or socket.
    TooManyOpenFiles,
}

impl Cause {
    /// The cause behind a system error, where its kind tells one.
    pub fn of_io(error: &io::Error) -> Option<Self> {
        use io::ErrorKind as Kind;
        if let Some(EMFILE | ENFILE) = error.raw_os_error() {
            return Some(Self::TooManyOpenFiles);
        }
        match error.kind() {
            // A Unix socket that is not there listens as little as a closed port.
            Kind::ConnectionRefused | Kind::NotFound => Some(Self::Refused),
            Kind::TimedOut => Some(Self::TimedOut),
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
                Some(Self::Unreachable)
            }
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::UnexpectedEof
            | Kind::NotConnected => Some(Self::Closed),
            Kind::PermissionDenied => Some(Self::Permission),
            _ => None,
        }
    }

    /// The cause behind `error` or anything it was caused by: TLS first, since TLS errors travel inside of system
    /// errors, then names, then the kind of system error. `None` where nothing in the chain tells.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        if find::<rustls::Error>(error).is_some() {
            return Some(Self::Tls);
        }
        // Name resolution has no kind of its own; the standard library and hyper say these words.
        let words = chain(error);
        if words.contains("failed to lookup address") || words.contains("dns error") {
            return Some(Self::Name);
        }
        find::<io::Error>(error).and_then(Self::of_io)
    }

    /// The words for it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::TimedOut => "timed out",
            Self::Name => "host name does not resolve",
            Self::Unreachable => "host unreachable",
            Self::Tls => "TLS failed",
            Self::Credentials => "authentication failed",
            Self::Withheld => "password withheld",
            Self::Permission => "permission denied",
            Self::Closed => "connection closed",
            Self::UnexpectedAnswer => "unexpected response",
            Self::TooLarge => "response too large",
            Self::Unsupported => "not supported",
            Self::NotReady => "not ready",
            Self::NoQuorum => "no quorum",
            Self::TooManyOpenFiles => "too many open files on this host",
        }
    }

    /// `why`, or where that is empty the words for the cause itself.
    pub fn with_reason(self, why: &str) -> &str {
        if why.is_empty() { self.describe() } else { why }
    }
}

/// `error` and what caused it, outermost first, joined by colons. A cause that only repeats what is already said is
/// left out: libraries disagree on whether an error's own text includes its source's.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = plain(&error.to_string()).to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        let words = plain(&words);
        if !words.is_empty() && !line.contains(words) {
            line.push_str(": ");
            line.push_str(words);
        }
        next = cause.source();
    }
    line
}

/// What libraries say where the [`Cause`] has said it already.
const UNINFORMATIVE: [&str; 9] = [
    "Connection refused",
    "Connection timed out",
    "Name or service not known",
    "Name does not resolve",
    "nodename nor servname provided, or not known",
    "No route to host",
    "deadline has elapsed",
    "operation timed out",
    "timed out",
];

/// Why, in the words of the innermost error that says something, where they say more than the [`Cause`] does; else
/// empty. One clause, whatever `error` is wrapped in.
pub fn why(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_text(tls);
    }
    let mut innermost = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !words.trim().is_empty() {
            innermost = words;
        }
        next = cause.source();
    }
    let words = plain(&innermost);
    let words = words.rsplit_once("failed to lookup address information: ").map_or(words, |(_, reason)| reason);
    if UNINFORMATIVE.contains(&words) { String::new() } else { words.to_owned() }
}

/// Without the number that systems add to what they say: ` (os error 111)`.
fn plain(words: &str) -> &str {
    let words = words.trim();
    words.rsplit_once(" (os error ").filter(|(_, number)| number.ends_with(')')).map_or(words, |(words, _)| words)
}

/// What TLS failed for, as an operator would say it; the rarer reasons in the library's words.
pub fn tls_text(error: &rustls::Error) -> String {
    use rustls::{AlertDescription, CertificateError as Bad, Error as Tls};
    let words = match error {
        Tls::InvalidCertificate(Bad::UnknownIssuer) => "the certificate is signed by an unknown issuer",
        Tls::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => "the certificate has expired",
        Tls::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "the certificate is not valid yet"
        }
        Tls::InvalidCertificate(Bad::NotValidForName) => "the certificate is not valid for this name",
        Tls::InvalidCertificate(Bad::NotValidForNameContext { expected, .. }) => {
            return format!("the certificate is not valid for {}", expected.to_str());
        }
        Tls::InvalidMessage(_) => "the service on this port does not use TLS",
        Tls::AlertReceived(AlertDescription::CertificateRequired) => "the server requires a client certificate",
        Tls::AlertReceived(alert) => return format!("the server rejected the handshake with TLS alert {alert:?}"),
        other => return other.to_string(),
    };
    words.to_owned()
}

/// The first error of type `E` among `error` and its causes. Looks into [`std::io::Error`] too, which hides what it
/// wraps from `source`.
pub fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| find_shared::<E>(wrapped)) {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

fn find_shared<'a, E: Error + 'static>(error: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a E> {
    find::<E>(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn a_chain_names_every_cause_once() {
        let error = Outer(io::Error::other(Inner));
        assert_eq!(chain(&error), "outer: inner");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("error sending request")]
    struct Sending(#[source] Connecting);

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Connecting(#[source] io::Error);

    fn wrapped(error: io::Error) -> Sending {
        Sending(Connecting(error))
    }

    #[test]
    fn a_host_that_may_open_no_more_is_told_apart_from_a_far_end_that_is_gone() {
        for number in [EMFILE, ENFILE] {
            assert_eq!(Cause::of(&wrapped(io::Error::from_raw_os_error(number))), Some(Cause::TooManyOpenFiles));
        }
    }

    #[test]
    fn of_a_wrapped_error_only_the_reason_is_reported() {
        let lookup =
            |reason: &str| wrapped(io::Error::other(format!("failed to lookup address information: {reason}")));
        // What the cause says already is not said again; a resolver that is down is another matter.
        assert_eq!(why(&lookup("Name or service not known")), "");
        assert_eq!(why(&lookup("Temporary failure in name resolution")), "Temporary failure in name resolution");
        assert_eq!(Cause::of(&lookup("Temporary failure in name resolution")), Some(Cause::Name));
        assert_eq!(why(&wrapped(io::Error::from_raw_os_error(111))), "");
        assert_eq!(why(&wrapped(io::Error::from_raw_os_error(104))), "Connection reset by peer");
        assert_eq!(why(&wrapped(io::Error::other(Inner))), "inner");
        assert_eq!(chain(&wrapped(io::Error::other(Inner))), "error sending request: client error (Connect): inner");
    }

    #[test]
    fn tls_failures_are_reported_as_what_is_wrong_with_the_certificate_or_the_port() {
        let tls = |error: rustls::Error| why(&wrapped(io::Error::new(io::ErrorKind::InvalidData, error)));
        let bad = rustls::CertificateError::UnknownIssuer;
        assert_eq!(tls(bad.into()), "the certificate is signed by an unknown issuer");
        assert_eq!(tls(rustls::InvalidMessage::InvalidContentType.into()), "the service on this port does not use TLS");
        let alert = rustls::AlertDescription::CertificateRequired;
        assert_eq!(tls(rustls::Error::AlertReceived(alert)), "the server requires a client certificate");
    }

    #[test]
    fn a_tls_error_inside_of_a_system_error_is_a_tls_failure() {
        let error = Outer(io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError));
        assert_eq!(Cause::of(&error), Some(Cause::Tls));
        assert_eq!(Cause::of(&Outer(io::ErrorKind::ConnectionRefused.into())), Some(Cause::Refused));
        assert_eq!(Cause::of(&Outer(io::Error::other("strange"))), None);
    }

    #[test]
    fn a_cause_wrapped_in_an_io_error_is_found() {
        let error = Outer(io::Error::other(Inner));
        assert!(find::<Inner>(&error).is_some());
        assert!(find::<std::fmt::Error>(&error).is_none());
    }
}
