use std::io::Write;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rstest::rstest;
use tempfile::{NamedTempFile, TempPath};
use tokio::net::TcpListener;

use super::*;
use crate::client::certificate::{ServerCertificate, probe};

const TIMEOUT: Duration = Duration::from_secs(10);

fn file(content: &str) -> TempPath {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(content.as_bytes()).expect("written");
    file.into_temp_path()
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A server's certificate (chain file, key file) for `names`, signed by `authority`.
fn issue(authority: &CertifiedIssuer<'static, KeyPair>, names: &[&str], expired: bool) -> (String, KeyPair) {
    let mut params =
        CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).expect("names");
    params.distinguished_name.push(DnType::CommonName, "pg-0");
    if expired {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().expect("a key");
    (params.signed_by(&key, authority).expect("signed").pem(), key)
}

/// A TLS server on loopback with this certificate; hands out its port.
async fn serve(pem: &str, key: &KeyPair) -> u16 {
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().expect("a chain");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let serving = async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whether the client likes the certificate is what the test is about.
            drop(acceptor.accept(stream).await);
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the double ends with its test's runtime")]
    drop(tokio::spawn(serving));
    port
}

async fn examine(settings: &TlsSettings, pem: &str, key: &KeyPair) -> ServerCertificate {
    probe("localhost", serve(pem, key).await, settings, TIMEOUT).await.expect("a certificate")
}

fn trusting(pem: &str) -> (TlsSettings, TempPath) {
    let ca = file(pem);
    (TlsSettings { ca: vec![ca.to_path_buf()], ..TlsSettings::default() }, ca)
}

#[tokio::test]
async fn a_certificate_of_the_given_authority_is_trusted_and_read() {
    let authority = authority("ops");
    let (pem, key) = issue(&authority, &["localhost", "127.0.0.1"], false);
    let (settings, _file) = trusting(&authority.pem());
    let shown = examine(&settings, &pem, &key).await;
    assert_eq!(shown.distrust, None);
    assert_eq!(shown.names, ["localhost", "127.0.0.1"]);
    assert!(shown.subject.contains("pg-0") && shown.issuer.contains("ops"), "{shown:?}");
    assert_eq!(shown.days_left(shown.not_after - 3 * 86_400), 3);
    assert_eq!(shown.days_left(shown.not_after + 1), -1);
}

#[tokio::test]
async fn a_foreign_node_an_expired_one_and_a_wrong_name_are_distrusted_with_the_reason() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (settings, _file) = trusting(&ours.pem());
    let (pem, key) = issue(&theirs, &["localhost"], false);
    let reason = examine(&settings, &pem, &key).await.distrust.expect("distrust");
    assert!(reason.contains("unknown issuer"), "{reason}");
    let (pem, key) = issue(&ours, &["localhost"], true);
    let reason = examine(&settings, &pem, &key).await.distrust.expect("distrust");
    assert!(reason.contains("expired"), "{reason}");
    let (pem, key) = issue(&ours, &["pg-0.internal"], false);
    let reason = examine(&settings, &pem, &key).await.distrust.expect("distrust");
    assert!(reason.contains("not valid for"), "{reason}");
    let renamed = TlsSettings { server_name: Some("pg-0.internal".to_owned()), ..settings };
    assert_eq!(examine(&renamed, &pem, &key).await.distrust, None);
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_where_it_is_its_own_ca_file_and_still_by_name() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("signed").pem();
    let (settings, _file) = trusting(&pem);
    assert_eq!(examine(&settings, &pem, &key).await.distrust, None);
    let elsewhere = TlsSettings { server_name: Some("other".to_owned()), ..settings };
    assert!(examine(&elsewhere, &pem, &key).await.distrust.is_some());
}

#[rstest]
#[case(Verify::Full, false)]
#[case(Verify::Chain, true)]
#[case(Verify::Nothing, true)]
#[tokio::test]
async fn a_foreign_name_passes_only_where_names_are_not_looked_at(#[case] verify: Verify, #[case] passes: bool) {
    let authority = authority("ops");
    let (pem, key) = issue(&authority, &["pg-0.internal"], false);
    let (settings, _file) = trusting(&authority.pem());
    assert_eq!(shakes_hands(&settings, verify, &pem, &key).await, passes);
}

#[rstest]
#[case(Verify::Chain, false)]
#[case(Verify::Nothing, true)]
#[tokio::test]
async fn a_foreign_authority_passes_only_where_nothing_is_verified(#[case] verify: Verify, #[case] passes: bool) {
    let (pem, key) = issue(&authority("theirs"), &["localhost"], false);
    let (settings, _file) = trusting(&authority("ours").pem());
    assert_eq!(shakes_hands(&settings, verify, &pem, &key).await, passes);
    let insecure = TlsSettings { insecure: true, ..settings };
    assert!(shakes_hands(&insecure, verify, &pem, &key).await);
}

async fn shakes_hands(settings: &TlsSettings, verify: Verify, pem: &str, key: &KeyPair) -> bool {
    let port = serve(pem, key).await;
    let config = client_config(settings, verify).expect("a configuration");
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
}

#[test]
fn every_wrong_file_is_named_with_what_is_wrong_about_it() {
    let (pem, key) = issue(&authority("ops"), &["localhost"], false);
    let (good, empty, key) = (file(&pem), file("nothing here\n"), file(&key.serialize_pem()));
    let other_key = file(&KeyPair::generate().expect("a key").serialize_pem());
    let say = |settings: &TlsSettings| client_config(settings, Verify::Full).expect_err("an error").to_string();
    let ca = |path: &Path| TlsSettings { ca: vec![path.to_owned()], ..TlsSettings::default() };
    let client = |certificate: Option<&TempPath>, key: Option<&TempPath>| TlsSettings {
        certificate: certificate.map(|path| path.to_path_buf()),
        key: key.map(|path| path.to_path_buf()),
        ..ca(&good)
    };
    assert_eq!(say(&ca(Path::new("/nonexistent/ca.pem"))), "cannot read the CA file /nonexistent/ca.pem");
    assert_eq!(say(&ca(&empty)), format!("the CA file {} contains no certificate", empty.display()));
    assert!(say(&client(Some(&good), None)).contains("must be set together"));
    assert!(say(&client(Some(&good), Some(&empty))).contains("contains no unencrypted private key"));
    assert!(say(&client(Some(&good), Some(&other_key))).contains("do not match"));
    assert!(client_config(&client(Some(&good), Some(&key)), Verify::Full).is_ok());
}

#[test]
fn those_of_the_same_settings_share_what_was_read_until_a_file_is_replaced() {
    let ca = file(&authority("the one").as_ref().pem());
    let settings = TlsSettings { ca: vec![ca.to_path_buf()], ..TlsSettings::default() };
    let policy = || shared(&settings, Verify::Full).expect("a configuration").1;
    let first = policy();
    assert!(Arc::ptr_eq(&first, &policy()));
    assert!(!Arc::ptr_eq(&first, &shared(&settings, Verify::Chain).expect("a configuration").1), "verifies less");
    std::fs::write(&ca, authority("the other one").as_ref().pem()).expect("written");
    assert!(!Arc::ptr_eq(&first, &policy()), "read anew");
}
