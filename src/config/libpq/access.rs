//! From explicit settings, service file, environment and defaults to one complete way of logging in.

use std::path::PathBuf;

use super::super::audience::Audience;
use super::super::endpoint::{PostgresAccess, SecretSource, SslMode, Timeouts, TlsSettings};
use super::super::environment::Environment;
use super::auth::{AuthPolicy, ChannelBinding};
use super::keyword::{Keyword, Layers, Origin};
use super::service;

/// What the configuration says itself. Absent means: look further down.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExplicitSettings {
    /// User.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Password.
    pub password: Option<SecretSource>,
    /// Password file.
    pub passfile: Option<PathBuf>,
    /// Entry of `pg_service.conf`.
    pub service: Option<String>,
    /// TLS mode.
    pub sslmode: Option<SslMode>,
    /// Root certificates; the single word `system` means the system's.
    pub ca: Vec<PathBuf>,
    /// Client certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Name to expect in the certificate.
    pub server_name: Option<String>,
    /// Ways to authenticate, as `require_auth` has them.
    pub require_auth: Option<String>,
    /// `disable`, `prefer` or `require`.
    pub channel_binding: Option<String>,
    /// What the login is for.
    pub purpose: LoginUse,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// What a login is for, which decides how a server may ask for its password where nothing else is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LoginUse {
    /// To look.
    #[default]
    Looking,
    /// To change something.
    Acting,
}

/// Why no access came out. `key` is the one of the configuration that decides it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{problem}; {remedy}")]
pub struct AccessProblem {
    /// Key of `[clusters.NAME.postgres]`.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

/// The database to log in to where nothing names one. libpq would take the one called like the user, but a monitoring
/// role seldom has one, and every cluster has this.
const DATABASE: &str = "postgres";

/// Settles how to log in, with sentences on what is odd.
///
/// # Errors
/// A service that is not defined, an unknown `sslmode`, or settings that contradict each other.
pub fn access(
    explicit: &ExplicitSettings,
    environment: &Environment,
) -> Result<(PostgresAccess, Vec<String>), AccessProblem> {
    let mut warnings = Vec::new();
    let name = explicit.service.clone().or_else(|| environment.get("PGSERVICE").map(str::to_owned));
    let entry = match &name {
        Some(name) => Some(service::find(name, environment).map_err(|error| AccessProblem {
            key: "service",
            problem: error.to_string(),
            remedy: "define it there, or set PGSERVICEFILE to the file that does".to_owned(),
        })?),
        None => None,
    };
    let layers = Layers { service: entry.as_ref(), environment };
    let text = |keyword, explicit: Option<&str>| layers.get(keyword, explicit).map(|(value, _)| value);
    let path = |keyword| text(keyword, None).map(PathBuf::from);

    let user = text(Keyword::User, explicit.user.as_deref())
        .or_else(|| environment.login_name().map(str::to_owned))
        .ok_or_else(|| AccessProblem {
            key: "user",
            problem: "no role to log in as is configured".to_owned(),
            remedy: "set user = \"...\" or PGUSER".to_owned(),
        })?;

    let ca =
        if explicit.ca.is_empty() { path(Keyword::Sslrootcert).into_iter().collect() } else { explicit.ca.clone() };
    let system = ca.iter().any(|path| path.as_os_str() == "system");
    let sslmode = sslmode(explicit.sslmode, &layers, system)?;
    let home = environment.home().map(|home| home.join(".postgresql"));
    let default_file = |name: &str| home.as_ref().map(|home| home.join(name)).filter(|path| path.is_file());
    let verifies = matches!(sslmode, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull);
    let ca = match (system, ca.is_empty()) {
        (false, false) => ca,
        (false, true) if verifies => default_file("root.crt").into_iter().collect(),
        (true, _) | (false, true) => Vec::new(),
    };
    if !system && ca.is_empty() && matches!(sslmode, SslMode::VerifyCa | SslMode::VerifyFull) {
        let file = home.as_ref().map_or_else(|| "~/.postgresql/root.crt".into(), |home| home.join("root.crt"));
        return Err(AccessProblem {
            key: "sslmode",
            problem: format!("sslmode `{sslmode}` has no root certificate: {} does not exist", file.display()),
            remedy: "set the file in `ca`, or use ca = \"system\" with sslmode = \"verify-full\" for the system CAs"
                .to_owned(),
        });
    }
    let certificate =
        explicit.certificate.clone().or_else(|| path(Keyword::Sslcert)).or_else(|| default_file("postgresql.crt"));
    let key = explicit.key.clone().or_else(|| path(Keyword::Sslkey)).or_else(|| default_file("postgresql.key"));
    // A certificate without its key is of no use, nor the reverse; libpq offers neither then.
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (Some(certificate), Some(key)),
        (None, None) => (None, None),
        (Some(alone), None) | (None, Some(alone)) => {
            warnings.push(format!("{} needs both certificate and key", alone.display()));
            (None, None)
        }
    };
    warnings.extend(unkept(&layers));
    let auth = auth_policy(text(Keyword::RequireAuth, explicit.require_auth.as_deref()).as_deref(), explicit.purpose)?;
    let binding = channel_binding(text(Keyword::ChannelBinding, explicit.channel_binding.as_deref()).as_deref())?;

    let tls = TlsSettings { ca, certificate, key, server_name: explicit.server_name.clone(), insecure: false };
    let access = PostgresAccess {
        user,
        database: text(Keyword::Dbname, explicit.database.as_deref()).unwrap_or_else(|| DATABASE.to_owned()),
        password: explicit.password.clone(),
        passfile: explicit.passfile.clone().or_else(|| path(Keyword::Passfile)),
        service: name,
        sslmode,
        tls,
        auth,
        channel_binding: binding,
        // Who is asked is known only when a member is.
        audience: Audience::Named,
        timeouts: explicit.timeouts,
    };
    Ok((access, warnings))
}

fn sslmode(explicit: Option<SslMode>, layers: &Layers<'_>, system: bool) -> Result<SslMode, AccessProblem> {
    let problem = |problem: String, remedy: &str| AccessProblem { key: "sslmode", problem, remedy: remedy.to_owned() };
    let mode = match (explicit, layers.get(Keyword::Sslmode, None)) {
        (Some(mode), _) => Some(mode),
        (None, None) => None,
        (None, Some((word, origin))) => Some(word.parse::<SslMode>().map_err(|_| {
            let place = if origin == Origin::Service { "the service file" } else { "PGSSLMODE" };
            problem(
                format!("{place} has sslmode `{word}`"),
                "use disable, allow, prefer, require, verify-ca or verify-full",
            )
        })?),
    };
    match (mode, system) {
        (None, true) | (Some(SslMode::VerifyFull), _) => Ok(SslMode::VerifyFull),
        (Some(weak), true) => Err(problem(
            format!(
                "sslmode `{weak}` is too weak with system root certificates: anyone can get a certificate from those CAs"
            ),
            "use sslmode = \"verify-full\", or set your own root certificate",
        )),
        (mode, false) => Ok(mode.unwrap_or_default()),
    }
}

fn auth_policy(required: Option<&str>, purpose: LoginUse) -> Result<AuthPolicy, AccessProblem> {
    match (required, purpose) {
        (Some(text), _) => AuthPolicy::parse(text).map_err(|problem| AccessProblem {
            key: "require_auth",
            problem: format!("require_auth `{text}`: {problem}"),
            remedy: "use a comma-separated list of password, md5, gss, sspi, scram-sha-256, oauth and none".to_owned(),
        }),
        (None, LoginUse::Looking) => Ok(AuthPolicy::Guarded),
        (None, LoginUse::Acting) => Ok(AuthPolicy::Scram),
    }
}

fn channel_binding(word: Option<&str>) -> Result<ChannelBinding, AccessProblem> {
    let Some(word) = word else { return Ok(ChannelBinding::default()) };
    ChannelBinding::named(word).ok_or_else(|| AccessProblem {
        key: "channel_binding",
        problem: format!("channel_binding is `{word}`"),
        remedy: "use disable, prefer or require".to_owned(),
    })
}

/// Settings that ask for more safety than can be kept here. Silence would pretend they hold.
fn unkept(layers: &Layers<'_>) -> Vec<String> {
    [
        (Keyword::Sslcrl, None, "certificate revocation is not checked"),
        (Keyword::SslCrlDirectory, None, "certificate revocation is not checked"),
        (Keyword::SslLeastVersion, Some("TLSv1.3"), "TLS 1.2 is accepted too"),
        (Keyword::GssEncMode, Some("require"), "GSSAPI encryption is not supported"),
    ]
    .into_iter()
    .filter_map(|(keyword, value, consequence)| {
        let (given, origin) = layers.get(keyword, None)?;
        let concerns = value.is_none_or(|value| value == given);
        let name = if origin == Origin::Service { keyword.as_str() } else { keyword.variable() };
        concerns.then(|| format!("{name}={given} is ignored: {consequence}"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        [("HOME", "/nonexistent"), ("USER", "login")].iter().chain(pairs).copied().collect()
    }

    fn settled(explicit: &ExplicitSettings, pairs: &[(&str, &str)]) -> PostgresAccess {
        access(explicit, &environment(pairs)).unwrap().0
    }

    #[test]
    fn explicit_beats_service_beats_environment_beats_default() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("services");
        std::fs::write(&file, "[s]\nuser=service\ndbname=service\n").unwrap();
        let pairs = [
            ("PGSERVICEFILE", file.to_str().unwrap()),
            ("PGSERVICE", "s"),
            ("PGUSER", "environment"),
            ("PGDATABASE", "environment"),
            ("PGSSLMODE", "require"),
        ];
        let explicit = ExplicitSettings { user: Some("explicit".to_owned()), ..ExplicitSettings::default() };
        let all = settled(&explicit, &pairs);
        assert_eq!((all.user.as_str(), all.database.as_str(), all.sslmode), ("explicit", "service", SslMode::Require));
        let rest = settled(&ExplicitSettings::default(), &pairs[2..]);
        assert_eq!((rest.user.as_str(), rest.database.as_str()), ("environment", "environment"));
        let none = settled(&ExplicitSettings::default(), &[]);
        assert_eq!((none.user.as_str(), none.database.as_str(), none.sslmode), ("login", "postgres", SslMode::Prefer));
    }

    #[test]
    fn the_files_of_the_home_directory_are_found() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join(".postgresql");
        std::fs::create_dir(&directory).unwrap();
        for name in ["root.crt", "postgresql.crt", "postgresql.key"] {
            std::fs::write(directory.join(name), "").unwrap();
        }
        let pairs = [("HOME", home.path().to_str().unwrap()), ("PGSSLMODE", "require")];
        let with = settled(&ExplicitSettings::default(), &pairs);
        assert_eq!(with.tls.ca, [directory.join("root.crt")]);
        assert_eq!(with.tls.certificate, Some(directory.join("postgresql.crt")));
        assert_eq!(with.tls.key, Some(directory.join("postgresql.key")));
        let weak = settled(&ExplicitSettings::default(), &pairs[..1]);
        assert!(weak.tls.ca.is_empty(), "prefer verifies nothing");
    }

    #[rstest]
    #[case(None, Ok(SslMode::VerifyFull))]
    #[case(Some(SslMode::VerifyFull), Ok(SslMode::VerifyFull))]
    #[case(Some(SslMode::Require), Err("too weak"))]
    #[case(Some(SslMode::VerifyCa), Err("too weak"))]
    fn system_roots_demand_verify_full(#[case] mode: Option<SslMode>, #[case] expected: Result<SslMode, &str>) {
        let explicit = ExplicitSettings { sslmode: mode, ..ExplicitSettings::default() };
        match (access(&explicit, &environment(&[("PGSSLROOTCERT", "system")])), expected) {
            (Ok((access, _)), Ok(mode)) => assert_eq!((access.sslmode, access.tls.ca.len()), (mode, 0)),
            (Err(error), Err(word)) => assert!(error.to_string().contains(word), "{error}"),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn an_unknown_sslmode_says_which_there_are() {
        let error = access(&ExplicitSettings::default(), &environment(&[("PGSSLMODE", "verify_full")])).unwrap_err();
        assert!(error.to_string().contains("PGSSLMODE") && error.to_string().contains("verify-full"), "{error}");
    }

    #[test]
    fn settings_that_cannot_be_kept_are_admitted() {
        let pairs = [("PGSSLCRL", "x"), ("PGSSLCRLDIR", "y"), ("PGSSLMINPROTOCOLVERSION", "TLSv1.3")];
        let (_, warnings) = access(&ExplicitSettings::default(), &environment(&pairs)).unwrap();
        for (name, _) in pairs {
            assert!(warnings.iter().any(|warning| warning.starts_with(&format!("{name}="))), "{name}: {warnings:?}");
        }
        let (_, warnings) =
            access(&ExplicitSettings::default(), &environment(&[("PGCHANNELBINDING", "require")])).unwrap();
        assert_eq!(warnings, [""; 0], "kept");
    }

    #[rstest]
    #[case(SslMode::VerifyCa)]
    #[case(SslMode::VerifyFull)]
    fn a_server_is_not_verified_against_just_anybody(#[case] sslmode: SslMode) {
        let explicit = ExplicitSettings { sslmode: Some(sslmode), ..ExplicitSettings::default() };
        let error = access(&explicit, &environment(&[])).unwrap_err();
        assert_eq!(error.key, "sslmode");
        let reported = error.to_string();
        for word in ["/nonexistent/.postgresql/root.crt does not exist", "`ca`", "\"system\""] {
            assert!(reported.contains(word), "{reported}");
        }
        let named = ExplicitSettings { ca: vec!["/etc/ssl/own.pem".into()], ..explicit };
        assert_eq!(settled(&named, &[]).sslmode, sslmode);
    }

    #[test]
    fn what_require_auth_and_channel_binding_ask_for_is_kept() {
        let pairs = [("PGREQUIREAUTH", "scram-sha-256"), ("PGCHANNELBINDING", "require")];
        let kept = settled(&ExplicitSettings::default(), &pairs);
        assert_eq!(kept.auth, AuthPolicy::parse("scram-sha-256").unwrap());
        assert_eq!(kept.channel_binding, ChannelBinding::Require);
        for (name, key) in [("PGREQUIREAUTH", "require_auth"), ("PGCHANNELBINDING", "channel_binding")] {
            assert_eq!(access(&ExplicitSettings::default(), &environment(&[(name, "odd")])).unwrap_err().key, key);
        }
    }

    #[test]
    fn a_login_for_acting_is_more_careful_than_one_for_looking() {
        assert_eq!(settled(&ExplicitSettings::default(), &[]).auth, AuthPolicy::Guarded);
        let acting = ExplicitSettings { purpose: LoginUse::Acting, ..ExplicitSettings::default() };
        assert_eq!(settled(&acting, &[]).auth, AuthPolicy::Scram);
        let asked = ExplicitSettings { require_auth: Some("password".to_owned()), ..acting };
        assert_eq!(settled(&asked, &[]).auth, AuthPolicy::parse("password").unwrap());
    }
}
