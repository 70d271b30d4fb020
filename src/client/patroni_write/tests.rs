use std::io::Write as _;
use std::sync::Mutex;

use rstest::rstest;
use wiremock::matchers::{basic_auth, body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::cause::Cause;
use crate::client::double;
use crate::client::tls::install_provider;
use crate::config::endpoint::SecretSource;

const TIMEOUT: Duration = Duration::from_secs(5);

fn writer(address: &str) -> PatroniWriter {
    install_provider();
    PatroniWriter::new(&double::endpoint(format!("http://{address}"))).expect("a writer")
}

const SWITCHOVER: &str = r#"{"leader":"pg-0","candidate":"pg-1"}"#;

/// Asks for a switchover.
async fn switch(writer: &PatroniWriter, time_limit: Duration) -> Result<PatroniReply, Unanswered<HttpError>> {
    writer.send(PatroniEndpoint::Switchover, Some(SWITCHOVER), time_limit).await
}

#[rstest]
#[case(PatroniEndpoint::Switchover, "POST", "/switchover", Some(SWITCHOVER))]
#[case(PatroniEndpoint::Failover, "POST", "/failover", Some(r#"{"candidate":"b"}"#))]
#[case(PatroniEndpoint::Restart, "POST", "/restart", Some("{}"))]
#[case(PatroniEndpoint::Reinit, "POST", "/reinitialize", Some(r#"{"from_leader":true}"#))]
#[case(PatroniEndpoint::Reload, "POST", "/reload", None)]
#[case(PatroniEndpoint::CancelSwitchover, "DELETE", "/switchover", None)]
#[case(PatroniEndpoint::CancelRestart, "DELETE", "/restart", None)]
#[case(PatroniEndpoint::Configure, "PATCH", "/config", Some(r#"{"ttl":30,"pause":null}"#))]
#[tokio::test]
async fn each_order_is_the_request_that_patroni_expects(
    #[case] order: PatroniEndpoint,
    #[case] verb: &str,
    #[case] at: &str,
    #[case] body: Option<&str>,
) {
    let server = MockServer::start().await;
    let mut mock = Mock::given(method(verb)).and(path(at));
    if let Some(body) = body {
        mock = mock.and(header("content-length", body.len().to_string().as_str())).and(body_string(body));
    } else if verb == "POST" {
        mock = mock.and(header("content-length", "0"));
    }
    mock.respond_with(ResponseTemplate::new(202).set_body_string("taken")).expect(1).mount(&server).await;
    let reply = writer(&server.address().to_string()).send(order, body, TIMEOUT).await.expect("a reply");
    assert_eq!(reply, PatroniReply { status: 202, line: "taken".to_owned(), cut: false, with_login: false });
    let requests = server.received_requests().await.expect("requests");
    assert_eq!(requests[0].body.is_empty(), body.is_none());
}

#[tokio::test]
async fn what_was_never_connected_was_not_sent() {
    let refused = switch(&writer(&double::refused()), TIMEOUT).await.expect_err("refused");
    assert!(matches!(refused, Unanswered::NotSent(ref error) if error.cause() == Cause::Refused), "{refused:?}");
    let nameless = switch(&writer("no-such-host.invalid:8008"), TIMEOUT).await.expect_err("no name");
    assert!(matches!(nameless, Unanswered::NotSent(ref error) if error.cause() == Cause::Name), "{nameless:?}");
    install_provider();
    let plain = double::answering("HTTP/1.0 200 OK\r\n\r\n");
    let tls = PatroniWriter::new(&double::endpoint(format!("https://{plain}"))).expect("a writer");
    let error = switch(&tls, TIMEOUT).await.expect_err("no TLS");
    assert!(matches!(error, Unanswered::NotSent(ref error) if error.cause() == Cause::Tls), "{error:?}");
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_the_connections_own_deadline_and_nothing_was_sent() {
    install_provider();
    let mut endpoint = double::endpoint(format!("https://{}", double::silent()));
    endpoint.timeouts.connect = Duration::from_millis(100);
    let error = switch(&PatroniWriter::new(&endpoint).expect("a writer"), TIMEOUT).await.expect_err("late");
    assert!(matches!(error, Unanswered::NotSent(ref error) if error.cause() == Cause::TimedOut), "{error:?}");
}

#[tokio::test]
async fn a_hang_after_accepting_is_no_answer() {
    // The time for connecting is on top.
    install_provider();
    let mut with_short_timeouts = double::endpoint(format!("http://{}", double::silent()));
    with_short_timeouts.timeouts.connect = Duration::from_millis(50);
    let error = switch(&PatroniWriter::new(&with_short_timeouts).expect("a writer"), Duration::from_millis(50)).await;
    let error = error.expect_err("silence");
    assert!(matches!(error, Unanswered::NoAnswer(HttpError::TimedOut(_))), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_without_a_word_is_no_answer_and_is_not_tried_again() {
    let seen = Arc::new(Mutex::new(0));
    let count = seen.clone();
    let address = double::answering_by(move |_| {
        *count.lock().expect("a lock") += 1;
        Vec::new()
    });
    let error = switch(&writer(&address), TIMEOUT).await.expect_err("closed");
    assert!(matches!(error, Unanswered::NoAnswer(ref error) if error.cause() == Cause::Closed), "{error:?}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(*seen.lock().expect("a lock"), 1, "sent again");
}

#[tokio::test]
async fn a_head_cut_in_the_middle_is_no_answer_and_words_cut_in_the_middle_are_one() {
    let head = switch(&writer(&double::answering("HTTP/1.0 200 O")), TIMEOUT).await.expect_err("cut");
    assert!(matches!(head, Unanswered::NoAnswer(_)), "{head:?}");
    let cut = "HTTP/1.0 503 Service Unavailable\r\nContent-Length: 500\r\n\r\nSwitchover sta";
    let reply = switch(&writer(&double::answering(cut)), TIMEOUT).await.expect("a status is an answer");
    assert_eq!((reply.status, reply.line.as_str(), reply.cut), (503, "Switchover sta", true));
}

#[rstest]
#[case(
    "HTTP/1.0 412 Precondition Failed\r\nContent-Type: text/html\r\n\r\nleader name does not match",
    412,
    "leader name does not match"
)]
#[case(
    "HTTP/1.0 503 Service Unavailable\r\n\r\n<!DOCTYPE HTML>\n<html>\n<head><title>Error response</title></head>\n<body>\n\
     <h1>Error response</h1>\n<p>Error code: 503</p>\n<p>Message: Service Unavailable.</p>\n</body></html>\n",
    503,
    "Service Unavailable."
)]
#[case(
    "HTTP/1.0 502 Bad Gateway\r\n\r\n<html><body><h1>502 Bad Gateway</h1>nginx</body></html>",
    502,
    "502 Bad Gateway"
)]
#[case("HTTP/1.0 302 Found\r\nLocation: http://elsewhere:1/\r\n\r\n", 302, "")]
#[case(
    "HTTP/1.0 200 OK\r\n\r\nSwitched over to \"pg-2\" instead of \"pg-1\"",
    200,
    "Switched over to \"pg-2\" instead of \"pg-1\""
)]
#[tokio::test]
async fn replies_in_http_1_0_are_read_to_the_end_of_the_connection(
    #[case] answer: &str,
    #[case] status: u16,
    #[case] line: &str,
) {
    let reply = switch(&writer(&double::answering(answer)), TIMEOUT).await.expect("a reply");
    assert_eq!((reply.status, reply.line.as_str(), reply.cut), (status, line, false));
}

#[tokio::test]
async fn the_password_is_fetched_when_sending_and_is_in_no_error_and_no_debug_print() {
    install_provider();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "hunter2").expect("written");
    let server = MockServer::start().await;
    Mock::given(basic_auth("patroni", "hunter2"))
        .respond_with(ResponseTemplate::new(401).set_body_string("not authenticated"))
        .mount(&server)
        .await;
    let mut endpoint = double::endpoint(server.uri());
    let login = |source| Some(Login { user: "patroni".to_owned(), password: Some(source) });
    endpoint.login = login(SecretSource::File(file.path().to_owned()));
    let writer = PatroniWriter::new(&endpoint).expect("a writer");
    let reply = switch(&writer, TIMEOUT).await.expect("a reply");
    assert_eq!((reply.status, reply.line.as_str(), reply.with_login), (401, "not authenticated", true));
    assert!(!format!("{writer:?} {reply:?}").contains("hunter2"));

    endpoint.url = format!("http://{}", double::answering(""));
    let error = switch(&PatroniWriter::new(&endpoint).expect("a writer"), TIMEOUT).await.expect_err("closed");
    assert!(!format!("{error} {error:?}").contains("hunter2"));

    endpoint.login = login(SecretSource::File("/no/such/password".into()));
    let writer = PatroniWriter::new(&endpoint).expect("making one fetches nothing");
    let error = switch(&writer, TIMEOUT).await.expect_err("no password");
    assert!(matches!(error, Unanswered::NotSent(HttpError::Secret(_))), "{error:?}");
}
