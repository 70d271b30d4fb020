//! An error with its causes in one line.

use std::error::Error;

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
    use std::io;

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
    fn a_cause_wrapped_in_an_io_error_is_found() {
        let error = Outer(io::Error::other(Inner));
        assert!(find::<Inner>(&error).is_some());
        assert!(find::<std::fmt::Error>(&error).is_none());
    }
}
