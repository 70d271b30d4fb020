//! Why a wire failed, told apart as far as the remedies differ, and an error with its causes in one line.

use std::error::Error;
use std::io;

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
}

impl Cause {
    /// The cause behind a system error, where its kind tells one.
    pub fn of_io(error: &io::Error) -> Option<Self> {
        use io::ErrorKind as Kind;
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
}

/// `error` and what caused it, outermost first, joined by colons. A cause that only repeats what is already said is
/// left out: libraries disagree on whether an error's own text includes its source's.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !words.is_empty() && !line.contains(&words) {
            line.push_str(": ");
            line.push_str(&words);
        }
        next = cause.source();
    }
    line
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
