//! Passwords that everybody knows: those of examples, of images and of manuals. A login that has one is open to whoever
//! reaches the port.

use secrecy::{ExposeSecret as _, SecretString};

use crate::client::kept_secret::kept;
use crate::config::endpoint::Login;
use crate::driver::checklist::Checklist;
use crate::model::checkup::CheckAspect;

/// What images, examples and manuals of the field come with, in lower case.
const KNOWN: [&str; 26] = [
    "postgres",
    "postgresql",
    "password",
    "passw0rd",
    "pass",
    "secret",
    "admin",
    "administrator",
    "root",
    "patroni",
    "zalando",
    "standby",
    "replicator",
    "replication",
    "rep-pass",
    "repmgr",
    "etcd",
    "haproxy",
    "pgbouncer",
    "example",
    "changeme",
    "change_me",
    "change-me",
    "test",
    "123456",
    "12345678",
];

/// Whether `password` of `user` is one of them, or no more than the user's own name.
fn is_well_known(user: &str, password: &str) -> bool {
    let password = password.to_ascii_lowercase();
    // `postgres123`, `admin1` and the like are tried right after the word itself.
    let stem = password.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_word = |word: &str| KNOWN.contains(&word) || word == user.to_ascii_lowercase();
    is_word(&password) || (!stem.is_empty() && is_word(stem))
}

impl Checklist {
    /// Warns where the password of `user` is one that everybody knows. It is compared here and sent nowhere.
    pub(crate) fn password(&mut self, user: &str, password: &SecretString) {
        if is_well_known(user, password.expose_secret()) {
            let text =
                format!("the password of {user} is a well-known default: anyone who can reach the port can log in");
            self.warn(CheckAspect::Credentials, text, "change it on the server and in this configuration");
        }
    }

    /// The same of a login whose password is yet to be fetched. One that cannot be had is told of where it is used.
    pub(crate) async fn password_of(&mut self, login: &Login) {
        let Some(source) = &login.password else { return };
        if let Ok(password) = kept(source).get().await {
            self.password(&login.user, &password);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::checkup::CheckupVerdict;
    use crate::model::source::{Source, SourceKind};

    #[rstest]
    #[case("postgres", "postgres", true)]
    #[case("postgres", "Postgres123", true)]
    #[case("app_owner", "app_owner", true)]
    #[case("admin", "changeme", true)]
    #[case("monitor", "zalando", true)]
    #[case("postgres", "postgres-7f3a", false)]
    #[case("monitor", "4711", false)]
    #[case("monitor", "", false)]
    fn what_everybody_knows_is_warned_of_and_never_shown(
        #[case] user: &str,
        #[case] password: &str,
        #[case] known: bool,
    ) {
        let mut list = Checklist::new(Source::new(SourceKind::Sql, "pg-0"), "pg-0:5432".into());
        list.password(user, &SecretString::from(password.to_owned()));
        let lines = list.into_lines();
        assert_eq!(lines.iter().any(|line| line.verdict == CheckupVerdict::Warn), known, "{lines:?}");
        if password != user && known {
            assert!(!format!("{lines:?}").contains(password), "{lines:?}");
        }
    }
}
