//! How many files and sockets this process may hold open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit on open files to the highest that this user may have. The usual soft limit is for programs that use
/// `select`; some ten sockets a cluster reach it at a hundred clusters. Where it cannot be raised it stays.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Nothing is lost by a refusal; what needs more than there is says so itself.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_as_high_as_this_user_may_have_it() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
