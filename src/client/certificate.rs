//! The certificate that a server shows: caught during a handshake, and read as far as `doctor` needs it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::ServerCertVerified;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::client::cause::{self, Cause};
use crate::client::resolve::lookup;
use crate::client::tls::{TlsError, Verify, capturing_config};
use crate::config::endpoint::TlsSettings;

/// A server's certificate as it was shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerCertificate {
    /// Whom it names, as an X.500 name.
    pub subject: String,
    /// Who signed it, as an X.500 name.
    pub issuer: String,
    /// Host names and addresses it is good for.
    pub names: Vec<String>,
    /// First moment of its validity, in seconds since 1970.
    pub not_before: u64,
    /// Last moment of its validity, in seconds since 1970.
    pub not_after: u64,
    /// `None`: trusted as the settings ask; else the reason why not.
    pub distrust: Option<String>,
}

impl ServerCertificate {
    /// Whole days left at `now` (seconds since 1970); negative once it has expired.
    pub fn days_left(&self, now: u64) -> i64 {
        let left = i128::from(self.not_after) - i128::from(now);
        i64::try_from(left.div_euclid(86_400)).unwrap_or(i64::MAX)
    }
}

/// What a handshake showed, for whoever runs the handshake.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Option<CapturedCertificate>>>);

#[derive(Clone, Debug)]
struct CapturedCertificate {
    certificate: CertificateDer<'static>,
    distrust: Option<String>,
}

impl Capture {
    /// The certificate, once a handshake came so far that the server showed one that can be read.
    pub fn certificate(&self) -> Option<ServerCertificate> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        read(&shown.certificate, shown.distrust)
    }

    /// Keeps what was shown, with the verdict on it.
    pub(crate) fn note(&self, certificate: &CertificateDer<'_>, verdict: &Result<ServerCertVerified, rustls::Error>) {
        let distrust = verdict.as_ref().err().map(cause::tls_text);
        let shown = CapturedCertificate { certificate: certificate.clone().into_owned(), distrust };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }
}

/// Why a probing handshake ended without a verdict on the certificate.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] TlsError),
    /// The host cannot be named in a handshake.
    #[error("\"{0}\" is not a server name")]
    Name(String),
    /// No connection.
    #[error("no connection: {}", Cause::of(.0).unwrap_or(Cause::Unreachable).with_reason(&cause::why(.0)))]
    Connect(std::io::Error),
    /// The handshake failed before a certificate was shown.
    #[error("{}", Cause::Tls.with_reason(&cause::why(.0)))]
    Handshake(std::io::Error),
    /// Time ran out.
    #[error("no response within {:.1} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// A certificate was shown that cannot be read.
    #[error("the server's certificate cannot be read")]
    Unreadable,
}

/// Shakes hands with the TLS server at `host` and `port`, says nothing further, and tells which certificate it showed.
/// A certificate that is not trusted is an answer, not an error.
///
/// # Errors
/// When no certificate was seen.
pub async fn probe(
    host: &str,
    port: u16,
    settings: &TlsSettings,
    deadline: Duration,
) -> Result<ServerCertificate, ProbeError> {
    let (config, capture) = capturing_config(settings, Verify::Full)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ProbeError::Name(host.to_owned()))?;
    let handshake = async {
        let addresses = lookup(host, port).await.map_err(ProbeError::Connect)?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(ProbeError::Connect)?;
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(ProbeError::Handshake)
    };
    let outcome = tokio::time::timeout(deadline, handshake).await.map_err(|_| ProbeError::TimedOut(deadline))?;
    match (capture.certificate(), outcome) {
        (Some(certificate), _) => Ok(certificate),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(ProbeError::Unreadable),
    }
}

/// First and last second of a certificate's validity; `None` where it cannot be read.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<(u64, u64)> {
    let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    Some((seconds(validity.not_before), seconds(validity.not_after)))
}

fn read(der: &CertificateDer<'_>, distrust: Option<String>) -> Option<ServerCertificate> {
    let (not_before, not_after) = validity(der)?;
    let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
    let names = match certificate.get::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().filter_map(name_text).collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    let (subject, issuer) = (certificate.subject.to_string(), certificate.issuer.to_string());
    Some(ServerCertificate { subject, issuer, names, not_before, not_after, distrust })
}

/// The names a TLS client compares with; others (mail addresses, URIs) say nothing about a host.
fn name_text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => match octets.as_bytes() {
            bytes if bytes.len() == 4 => {
                <[u8; 4]>::try_from(bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string())
            }
            bytes => <[u8; 16]>::try_from(bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        },
        GeneralName::OtherName(_)
        | GeneralName::Rfc822Name(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::UniformResourceIdentifier(_)
        | GeneralName::RegisteredId(_) => None,
    }
}
