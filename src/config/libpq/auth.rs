//! How a server may ask who logs in: libpq's `require_auth` and `channel_binding`, and what holds where neither is set.
//!
//! Source: the manual of PostgreSQL 18, "Parameter Key Words", and `fe-connect.c`, `fe-auth.c`.

use std::fmt;

/// A way to authenticate, in the words of `require_auth`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AuthMethod {
    /// The password in clear text.
    Password,
    /// A hash of the password that is as good as the password itself.
    Md5,
    /// Kerberos.
    Gss,
    /// Windows.
    Sspi,
    /// A proof on both sides that each knows the password, which neither tells.
    ScramSha256,
    /// A token.
    Oauth,
    /// No question at all: trusted, or by the certificate of the TLS connection.
    None,
}

impl AuthMethod {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Password, Self::Md5, Self::Gss, Self::Sspi, Self::ScramSha256, Self::Oauth, Self::None];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Gss => "gss",
            Self::Sspi => "sspi",
            Self::ScramSha256 => "scram-sha-256",
            Self::Oauth => "oauth",
            Self::None => "none",
        }
    }

    /// Whether whoever asks in this way can log in as the user afterwards, or guess the password at leisure.
    pub fn gives_the_password_away(self) -> bool {
        matches!(self, Self::Password | Self::Md5)
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which ways a server may ask.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum AuthPolicy {
    /// Only in these, as `require_auth` says.
    Only(Vec<AuthMethod>),
    /// In any, but a password in clear text or as MD5 goes only over verified TLS, or to this host.
    #[default]
    Guarded,
    /// As [`Self::Guarded`], and never a password in clear text or as MD5: for logins that may change something.
    Scram,
}

impl AuthPolicy {
    /// Reads `require_auth`: methods between commas, all of them allowed or, each after `!`, all of them forbidden.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut named = Vec::new();
        let mut forbids = None;
        for part in text.split(',') {
            let (negated, word) = part.strip_prefix('!').map_or((false, part), |word| (true, word));
            let method = AuthMethod::ALL.into_iter().find(|method| method.as_str() == word);
            let method = method.ok_or_else(|| format!("`{part}` is not an authentication method"))?;
            if forbids.is_some_and(|forbids| forbids != negated) {
                return Err("some methods are forbidden and others allowed".to_owned());
            }
            if named.contains(&method) {
                return Err(format!("`{part}` is given twice"));
            }
            forbids = Some(negated);
            named.push(method);
        }
        let allowed = |method: &AuthMethod| named.contains(method) != (forbids == Some(true));
        Ok(Self::Only(AuthMethod::ALL.into_iter().filter(allowed).collect()))
    }

    /// Whether the server may ask by `method`. `proven`: TLS has verified who it is, or it is this host. `vouched`: the
    /// operator names its address.
    pub fn allows(&self, method: AuthMethod, proven: bool, attested: bool) -> bool {
        match self {
            Self::Only(methods) => {
                methods.contains(&method) && (proven || attested || !method.gives_the_password_away())
            }
            Self::Guarded => proven || !method.gives_the_password_away(),
            Self::Scram => !method.gives_the_password_away(),
        }
    }
}

/// Whether a login is tied to the TLS connection it goes over, so that nobody in between can pass it on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the server offers it.
    #[default]
    Prefer,
    /// Else there is no login.
    Require,
}

impl ChannelBinding {
    /// The one called `word`.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "disable" => Some(Self::Disable),
            "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::AuthMethod::{Gss, Md5, None as Trust, Oauth, Password, ScramSha256, Sspi};
    use super::*;

    #[rstest]
    #[case("scram-sha-256", &[ScramSha256])]
    #[case("md5,scram-sha-256", &[Md5, ScramSha256])]
    #[case("!password,!md5", &[Gss, Sspi, ScramSha256, Oauth, Trust])]
    #[case("none", &[Trust])]
    fn methods_are_read_as_libpq_reads_them(#[case] text: &str, #[case] expected: &[AuthMethod]) {
        assert_eq!(AuthPolicy::parse(text), Ok(AuthPolicy::Only(expected.to_vec())));
    }

    #[rstest]
    #[case("scram", "not an authentication method")]
    #[case("", "not an authentication method")]
    #[case("md5,", "not an authentication method")]
    #[case("md5,!password", "forbidden and others allowed")]
    #[case("md5,md5", "twice")]
    fn what_libpq_refuses_is_refused(#[case] text: &str, #[case] word: &str) {
        assert!(AuthPolicy::parse(text).unwrap_err().contains(word));
    }

    #[rstest]
    #[case::looking(AuthPolicy::Guarded, Password, [false, false, true])]
    #[case::looking(AuthPolicy::Guarded, Md5, [false, false, true])]
    #[case::looking(AuthPolicy::Guarded, ScramSha256, [true, true, true])]
    #[case::acting(AuthPolicy::Scram, Password, [false, false, false])]
    #[case::acting(AuthPolicy::Scram, ScramSha256, [true, true, true])]
    #[case::acting(AuthPolicy::Scram, Trust, [true, true, true])]
    #[case::asked_for(AuthPolicy::Only(vec![Md5]), Md5, [false, true, true])]
    #[case::asked_for(AuthPolicy::Only(vec![ScramSha256]), Trust, [false, false, false])]
    fn a_password_goes_to_no_foreign_node(
        #[case] policy: AuthPolicy,
        #[case] method: AuthMethod,
        #[case] expected: [bool; 3],
    ) {
        let [foreign, attested, proven] = expected;
        assert_eq!(policy.allows(method, false, false), foreign, "nobody vouches for it");
        assert_eq!(policy.allows(method, false, true), attested, "the operator names it");
        assert_eq!(policy.allows(method, true, false), proven, "it proves who it is");
    }
}
