//! Logins, the places of passwords, certificates and paths.

use std::path::PathBuf;

use super::super::audience::Network;
use super::super::endpoint::{Login, SecretSource, TlsSettings};
use super::super::written::{Paths, WrittenLogin, WrittenTls};
use super::Resolver;

impl Resolver<'_> {
    /// A login; a password without a user is a mistake.
    pub(super) fn login(&mut self, at: &str, written: &WrittenLogin) -> Option<Login> {
        let password = self.secret(at, written);
        match (&written.user, password) {
            (Some(user), password) => Some(Login { user: user.clone(), password }),
            (None, Some(_)) => {
                self.report_problem(at, "a password is given without a user", "set user = \"...\" next to it");
                None
            }
            (None, None) => None,
        }
    }

    pub(super) fn secret(&mut self, at: &str, written: &WrittenLogin) -> Option<SecretSource> {
        if written.password_command.as_ref().is_some_and(Vec::is_empty) {
            let remedy = "give the command and its arguments: password_command = [\"pass\", \"show\", \"pg\"]";
            self.report_problem(&format!("{at}.password_command"), "is empty", remedy);
        }
        let sources: Vec<_> = [
            written.password_file.as_ref().map(|path| SecretSource::File(self.file(path))),
            written.password_env.as_ref().map(|name| SecretSource::Environment(name.clone())),
            written.password_command.clone().map(SecretSource::Command),
        ]
        .into_iter()
        .flatten()
        .collect();
        if sources.len() > 1 {
            self.report_problem(
                at,
                "the password is given in more than one way",
                "keep one of password_file, password_env \
                           and password_command",
            );
        }
        sources.into_iter().next()
    }

    /// Networks in which the record may name hosts.
    pub(super) fn networks(&mut self, at: &str, written: &[String]) -> Vec<Network> {
        let mut networks = Vec::new();
        for text in written {
            match Network::parse(text) {
                Ok(network) => networks.push(network),
                Err(error) => {
                    let (problem, remedy) = super::halves(&error);
                    self.report_problem(at, problem, remedy);
                }
            }
        }
        networks
    }

    pub(super) fn tls(&mut self, at: &str, written: &WrittenTls) -> TlsSettings {
        let ca = match &written.ca {
            None => Vec::new(),
            Some(Paths::One(path)) => vec![self.file(path)],
            Some(Paths::Several(paths)) => paths.iter().map(|path| self.file(path)).collect(),
        };
        match (&written.certificate, &written.key) {
            (Some(_), None) => {
                self.report_problem(
                    &format!("{at}.certificate"),
                    "the certificate has no key",
                    "set key = \"...\" too",
                );
            }
            (None, Some(_)) => {
                self.report_problem(
                    &format!("{at}.key"),
                    "the key has no certificate",
                    "set certificate = \"...\" too",
                );
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let insecure = written.insecure.unwrap_or(false);
        if insecure && !ca.is_empty() {
            self.warnings.push(format!("{at}: insecure trusts any certificate, so ca has no effect"));
        }
        TlsSettings {
            ca,
            certificate: written.certificate.as_ref().map(|path| self.file(path)),
            key: written.key.as_ref().map(|path| self.file(path)),
            server_name: written.server_name.clone(),
            insecure,
        }
    }

    /// A path as written: `~/` is the home directory, and a relative one starts at the configuration file. The single
    /// word `system` is no path.
    pub(super) fn file(&self, written: &str) -> PathBuf {
        let path = self.environment.expand(written);
        match self.path.parent() {
            Some(directory) if path.is_relative() && written != "system" => directory.join(path),
            _ => path,
        }
    }
}
