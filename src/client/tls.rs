//! TLS for every client: trusted authorities, client certificate, and how much of the server's certificate is
//! verified. One provider, ring.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::client::certificate;
use crate::config::endpoint::TlsSettings;

/// Makes ring the process's TLS provider. Called first in `main`, and by tests; calling it again does nothing.
pub fn install_provider() {
    // An error only says that a provider is installed already.
    drop(ring::default_provider().install_default());
}

/// How much of the server's certificate is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verify {
    /// Chain, validity and name.
    Full,
    /// Chain and validity, whatever the name (libpq's `verify-ca`).
    Chain,
    /// Nothing: encryption against listeners only.
    Nothing,
}

/// What is wrong with the TLS settings. Every variant about a file names it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the {what} {}", .path.display())]
    Read {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or is damaged.
    #[error("the {what} {} is not valid PEM", .path.display())]
    Pem {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file is PEM without what was expected in it.
    #[error("the {what} {} contains no {missing}", .path.display())]
    Empty {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is missing in it.
        missing: &'static str,
    },
    /// A certificate cannot be used as an authority.
    #[error("the CA file {} contains an unusable certificate", .path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A client certificate without a key, or the reverse.
    #[error("client certificate and key must be set together: only {} is set", .path.display())]
    Unpaired {
        /// The one file that is set.
        path: PathBuf,
    },
    /// The key does not belong to the certificate, or is of an unknown kind.
    #[error("the client certificate {} and the key {} do not match", .certificate.display(), .key.display())]
    Identity {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Others than the owner may read the key.
    #[error("the client key {} is readable by others (mode {mode:04o}): run chmod 600", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Any name would do, of anybody whom the system trusts.
    #[error("without its own CA the host name must be verified: anyone can get a certificate from a system CA")]
    AnyNameOfSystem,
    /// The name to expect is neither a host name nor an address.
    #[error("\"{0}\" is not a server name")]
    ServerName(String),
    /// The system's authorities cannot be loaded.
    #[error("the system has no trusted CAs (install ca-certificates, or set a CA file)")]
    SystemRoots(#[source] rustls::Error),
    /// No verifier can be made of the authorities.
    #[error("the trusted CAs cannot be used")]
    Verifier(#[source] rustls::client::VerifierBuilderError),
    /// The provider supports none of the protocol versions.
    #[error("no TLS protocol version is usable")]
    Protocol(#[source] rustls::Error),
}

/// A client's side of TLS by `settings`, verifying as `verify` says; `insecure` settings verify nothing. Whoever asks with
/// the same settings shares authorities, identity and sessions, and the files are read anew once they changed.
///
/// # Errors
/// When a file is missing, unreadable, or does not hold what it should.
pub fn client_config(settings: &TlsSettings, verify: Verify) -> Result<ClientConfig, TlsError> {
    shared(settings, verify).map(|(config, _)| config)
}

/// Like [`client_config`], and keeps the certificate that the server showed with the verdict on it, also where that
/// verdict ended the handshake.
///
/// # Errors
/// As [`client_config`].
pub fn capturing_config(
    settings: &TlsSettings,
    verify: Verify,
) -> Result<(ClientConfig, certificate::Capture), TlsError> {
    let capture = certificate::Capture::default();
    let (mut config, policy) = shared(settings, verify)?;
    let verifier = Verifier { policy, capture: Some(capture.clone()) };
    config.dangerous().set_certificate_verifier(Arc::new(verifier));
    // A session that is resumed shows no certificate.
    config.resumption = Resumption::disabled();
    Ok((config, capture))
}

/// Configurations in use, each with what its files were when it was made of them.
static CONFIG_CACHE: Mutex<Vec<CachedConfig>> = Mutex::new(Vec::new());

struct CachedConfig {
    settings: TlsSettings,
    verify: Verify,
    files: Vec<FileState>,
    config: ClientConfig,
    policy: Arc<Policy>,
}

/// By what a file that was replaced is told from what it was; `None`: it cannot be looked at.
pub(super) type FileState = Option<(u64, u64, Option<SystemTime>)>;

/// The present state of every file of `settings`.
pub(super) fn files(settings: &TlsSettings) -> Vec<FileState> {
    use std::os::unix::fs::MetadataExt as _;
    let all = settings.ca.iter().chain(&settings.certificate).chain(&settings.key);
    all.map(|path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.ino(), about.len(), about.modified().ok()))
    })
    .collect()
}

/// The configuration that all of the same settings share. A fleet logs in by the thousand, with few settings.
fn shared(settings: &TlsSettings, verify: Verify) -> Result<(ClientConfig, Arc<Policy>), TlsError> {
    let files = files(settings);
    let mut known = CONFIG_CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = known.iter().position(|one| one.verify == verify && one.settings == *settings);
    if let Some(same) = place.and_then(|place| known.get(place)).filter(|one| one.files == files) {
        return Ok((same.config.clone(), Arc::clone(&same.policy)));
    }
    let policy = Arc::new(policy(settings, verify)?);
    let config = with_verifier(settings, Verifier { policy: Arc::clone(&policy), capture: None })?;
    if let Some(place) = place {
        known.swap_remove(place);
    }
    let settings = settings.clone();
    known.push(CachedConfig { settings, verify, files, config: config.clone(), policy: Arc::clone(&policy) });
    Ok((config, policy))
}

/// Refuses a client key that others may read, as libpq does: mode 0600, or 0640 where root owns it.
///
/// # Errors
/// When they may. A file that cannot be looked at is told of by whoever reads it.
pub fn refuse_exposed_key(settings: &TlsSettings) -> Result<(), TlsError> {
    use std::os::unix::fs::MetadataExt as _;
    let Some(path) = &settings.key else { return Ok(()) };
    let Ok(about) = std::fs::metadata(path) else { return Ok(()) };
    let forbidden = if about.uid() == 0 { 0o037 } else { 0o077 };
    let mode = about.mode() & 0o7777;
    if mode & forbidden != 0 { Err(TlsError::Exposed { path: path.clone(), mode }) } else { Ok(()) }
}

/// The bytes of a PEM file, for a wire whose library takes them as they are.
///
/// # Errors
/// When the file cannot be read; `what` names its purpose in the message.
pub fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { what, path: path.to_owned(), source })
}

/// The configuration for an endpoint that is spoken to in plain text: trusts nobody, reads no file.
///
/// # Errors
/// When the provider has no usable protocol version.
pub fn plain_config() -> Result<ClientConfig, TlsError> {
    static PLAIN: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = PLAIN.get() {
        return Ok(config.clone());
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::Protocol)?;
    Ok(PLAIN.get_or_init(|| builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()).clone())
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

fn with_verifier(settings: &TlsSettings, verifier: Verifier) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Protocol)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (certificate, key) = match (&settings.certificate, &settings.key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(path), None) | (None, Some(path)) => return Err(TlsError::Unpaired { path: path.clone() }),
    };
    let chain = certificates(certificate, "client certificate")?;
    let secret = private_key(key)?;
    builder.with_client_auth_cert(chain, secret).map_err(|source| TlsError::Identity {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })
}

fn policy(settings: &TlsSettings, verify: Verify) -> Result<Policy, TlsError> {
    if settings.insecure || verify == Verify::Nothing {
        return Ok(Policy::Anything);
    }
    let expected = match &settings.server_name {
        None => None,
        Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| TlsError::ServerName(name.clone()))?),
    };
    let (inner, pinned) = if settings.ca.is_empty() {
        if verify == Verify::Chain {
            return Err(TlsError::AnyNameOfSystem);
        }
        (system_verifier()?, Vec::new())
    } else {
        let (roots, pinned) = authorities(&settings.ca)?;
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        (inner.build().map_err(TlsError::Verifier)? as Arc<dyn ServerCertVerifier>, pinned)
    };
    Ok(Policy::Authorities { inner, pinned, expected, any_name: verify == Verify::Chain })
}

/// Loading the system's authorities takes milliseconds and memory, so every endpoint shares one.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    static SYSTEM: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(verifier.clone());
    }
    let verifier = rustls_platform_verifier::Verifier::new(provider()).map_err(TlsError::SystemRoots)?;
    Ok(SYSTEM.get_or_init(|| Arc::new(verifier)).clone())
}

fn authorities(files: &[PathBuf]) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TlsError> {
    let mut roots = RootCertStore::empty();
    let mut all = Vec::new();
    for path in files {
        for certificate in certificates(path, "CA file")? {
            let added = roots.add(certificate.clone());
            added.map_err(|source| TlsError::Authority { path: path.clone(), source })?;
            all.push(certificate);
        }
    }
    Ok((roots, all))
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path, what)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|source| TlsError::Pem { what, path: path.to_owned(), source })?;
    if found.is_empty() {
        return Err(TlsError::Empty { what, path: path.to_owned(), missing: "certificate" });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const WHAT: &str = "client key";
    let bytes = read(path, WHAT)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|source| match source {
        pem::Error::NoItemsFound => {
            TlsError::Empty { what: WHAT, path: path.to_owned(), missing: "unencrypted private key" }
        }
        source => TlsError::Pem { what: WHAT, path: path.to_owned(), source },
    })
}

/// How a certificate is judged.
#[derive(Debug)]
enum Policy {
    /// Anything is taken. The handshake's signature is still checked, so that the far end at least holds the key of the
    /// certificate it shows.
    Anything,
    /// As the operator asked: against another name, without the name, or trusting a given certificate itself.
    Authorities {
        inner: Arc<dyn ServerCertVerifier>,
        /// Certificates of the CA files. A server that shows exactly one of them is trusted: a self-signed certificate
        /// that serves as its own authority is common on database hosts, and webpki refuses it as "CA used as end
        /// entity".
        pinned: Vec<CertificateDer<'static>>,
        expected: Option<ServerName<'static>>,
        any_name: bool,
    },
}

/// The one verifier: judges by its policy, and notes what was shown where somebody wants to know.
#[derive(Debug)]
struct Verifier {
    policy: Arc<Policy>,
    capture: Option<certificate::Capture>,
}

impl Verifier {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Policy::Authorities { inner, pinned, expected, any_name } = &*self.policy else {
            return Ok(ServerCertVerified::assertion());
        };
        let name = expected.as_ref().unwrap_or(server_name);
        if pinned.iter().any(|pinned| pinned == end_entity) {
            return verify_pinned(end_entity, (!any_name).then_some(name), now);
        }
        match inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
            // The name is looked at last, after the chain was found good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if *any_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }
}

/// A certificate that is trusted by itself: its dates count, and its name where one is given.
fn verify_pinned(
    end_entity: &CertificateDer<'_>,
    name: Option<&ServerName<'_>>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let (from, until) =
        certificate::validity(end_entity).ok_or(rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
    if now.as_secs() < from {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > until {
        return Err(CertificateError::Expired.into());
    }
    if let Some(name) = name {
        rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
    }
    Ok(ServerCertVerified::assertion())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge(end_entity, intermediates, server_name, ocsp_response, now);
        if let Some(capture) = &self.capture {
            capture.note(end_entity, &verdict);
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
