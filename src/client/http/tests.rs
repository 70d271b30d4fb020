use std::io::Write;
use std::sync::atomic::Ordering;

use rstest::rstest;
use wiremock::matchers::{any, basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::cause::Cause;
use crate::client::double::{self, endpoint, with_short_timeouts};
use crate::config::endpoint::SecretSource;

async fn get(endpoint: &HttpEndpoint) -> Result<HttpAnswer, HttpError> {
    HttpReader::new(endpoint, Connections::Fresh)?.get("/patroni").await
}

async fn failure(endpoint: &HttpEndpoint) -> HttpError {
    get(endpoint).await.expect_err("a failure")
}

#[tokio::test]
async fn a_closed_port_a_frozen_server_and_an_unknown_name_are_distinguished() {
    let refused = failure(&endpoint(format!("http://{}", double::refused()))).await;
    assert_eq!((refused.cause(), refused.is_before_the_answer()), (Cause::Refused, true), "{refused}");
    let frozen = failure(&with_short_timeouts(endpoint(format!("http://{}", double::silent())))).await;
    assert_eq!((frozen.cause(), frozen.is_before_the_answer()), (Cause::TimedOut, false), "{frozen}");
    let nameless = failure(&endpoint("http://no-such-host.invalid:8008")).await;
    assert_eq!(nameless.cause(), Cause::Name, "{nameless}");
}

#[tokio::test]
async fn a_server_that_hangs_up_without_an_answer_has_closed() {
    let closed = failure(&endpoint(format!("http://{}", double::answering("")))).await;
    assert_eq!((closed.cause(), closed.is_before_the_answer()), (Cause::Closed, false), "{closed}");
}

#[tokio::test]
async fn something_that_speaks_no_http_is_an_unexpected_answer() {
    let alien = failure(&endpoint(format!("http://{}", double::answering("\x15\x03\x01\0\x02\x02\x50")))).await;
    assert_eq!(alien.cause(), Cause::UnexpectedAnswer, "{alien}");
}

#[tokio::test]
async fn tls_to_a_plain_port_is_a_tls_failure() {
    let mut https = endpoint(format!("https://{}", double::answering("HTTP/1.0 400 Bad Request\r\n\r\n")));
    https.tls.insecure = true;
    let error = failure(&https).await;
    assert_eq!(error.cause(), Cause::Tls, "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_at_the_limit() {
    let (address, sent) = double::endless("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", " ");
    let reader = HttpReader::new(&endpoint(format!("http://{address}")), Connections::Fresh).expect("a reader");
    let error = reader.with_limit(1024 * 1024).get("/").await.expect_err("too large");
    assert_eq!(error.cause(), Cause::TooLarge);
    // What lies in the sockets' buffers comes on top.
    assert!(sent.load(Ordering::Relaxed) < 32 * 1024 * 1024);
}

#[tokio::test]
async fn an_answer_announced_as_huge_is_not_even_begun() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
    let error = failure(&endpoint(format!("http://{}", double::answering(head)))).await;
    assert_eq!(error.cause(), Cause::TooLarge);
}

#[tokio::test]
async fn a_login_is_sent_and_its_lack_or_refusal_is_reported() {
    let server = MockServer::start().await;
    Mock::given(basic_auth("ops", "s3cret")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let deny = ResponseTemplate::new(401).set_body_string("<html><body>no auth header received</body></html>");
    Mock::given(any()).respond_with(deny).with_priority(9).mount(&server).await;
    let mut endpoint = endpoint(server.uri());
    let without = failure(&endpoint).await;
    assert_eq!(without.to_string(), "HTTP 401 and no login is configured: no auth header received");

    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"s3cret\n").expect("written");
    endpoint.login = Some(Login { user: "ops".to_owned(), password: Some(SecretSource::File(file.path().to_owned())) });
    assert_eq!(get(&endpoint).await.expect("an answer").head.status, 200);

    endpoint.login = Some(Login { user: "other".to_owned(), password: None });
    let wrong = failure(&endpoint).await;
    assert_eq!(wrong.cause(), Cause::Credentials);
    assert!(wrong.to_string().starts_with("HTTP 401 with the configured login"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_command_slower_than_the_one_who_asks_logs_in_at_last() {
    let server = MockServer::start().await;
    Mock::given(basic_auth("ops", "s3cret")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let runs = tempfile::NamedTempFile::new().expect("a file");
    let script = format!("echo run >> '{}'; sleep 0.3; echo s3cret", runs.path().display());
    let command = SecretSource::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let mut endpoint = endpoint(server.uri());
    endpoint.login = Some(Login { user: "ops".to_owned(), password: Some(command) });
    let reader = HttpReader::new(&endpoint, Connections::Fresh).expect("a reader");
    let given_up = tokio::time::timeout(Duration::from_millis(50), reader.get("/")).await;
    assert!(given_up.is_err(), "the command was meant to be slow");
    assert_eq!(reader.get("/").await.expect("an answer").head.status, 200);
    assert_eq!(std::fs::read_to_string(runs.path()).expect("noted"), "run\n", "one run for both");
}

#[rstest]
#[case(401)]
#[case(403)]
#[tokio::test]
async fn a_password_that_was_refused_is_read_again(#[case] status: u16) {
    let server = MockServer::start().await;
    Mock::given(basic_auth("ops", "new")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).with_priority(9).mount(&server).await;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"old\n").expect("written");
    let mut endpoint = endpoint(server.uri());
    endpoint.login = Some(Login { user: "ops".to_owned(), password: Some(SecretSource::File(file.path().to_owned())) });
    let reader = HttpReader::new(&endpoint, Connections::Fresh).expect("a reader");
    assert!(reader.get("/").await.is_err());
    std::fs::write(file.path(), "new\n").expect("written");
    assert_eq!(reader.get("/").await.expect("an answer").head.status, 200);
}

#[tokio::test]
async fn only_get_is_sent_and_the_path_goes_below_the_url() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw("{}", "application/json");
    Mock::given(method("GET")).and(path("/pg-1/patroni")).respond_with(answer).mount(&server).await;
    let answer = get(&endpoint(format!("{}/pg-1/", server.uri()))).await.expect("an answer");
    assert_eq!((answer.head.status, answer.body), (200, b"{}".to_vec()));
    assert_eq!(answer.head.content_type, Some("application/json".to_owned()));
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_and_reported_where_it_leads_elsewhere() {
    let server = MockServer::start().await;
    let moved = |to: &str| ResponseTemplate::new(302).insert_header("Location", to);
    Mock::given(path("/patroni")).respond_with(moved("/patroni/")).mount(&server).await;
    Mock::given(path("/patroni/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    assert_eq!(get(&endpoint(server.uri())).await.expect("an answer").head.status, 200);

    let other = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&other).await;
    let leading_away = MockServer::start().await;
    Mock::given(any()).respond_with(moved(&other.uri())).mount(&leading_away).await;
    let error = failure(&endpoint(leading_away.uri())).await;
    assert_eq!(error.cause(), Cause::UnexpectedAnswer);
    assert!(error.to_string().contains(&other.uri()), "{error}");
}

#[rstest]
#[case("10.0.0.1:8008")]
#[case("ftp://10.0.0.1")]
#[case("http://")]
#[case("")]
#[case("postgres://u:s3cret@h/db")]
fn what_is_no_http_url_is_refused(#[case] url: &str) {
    assert!(matches!(HttpReader::new(&endpoint(url), Connections::Fresh), Err(HttpError::Url(_))));
}

#[rstest]
#[case("<!DOCTYPE HTML>\n<html><head><title>Error response</title></head></html>", "Error response")]
#[case("not authenticated", "not authenticated")]
#[case("<html>", "")]
#[case("", "")]
#[case("a < b", "a")]
#[case("{\"status\": \"UP\"}", "")]
#[case("\n[\n  [1, 2]\n]", "")]
#[case("[error] no such page", "[error] no such page")]
fn the_first_line_of_a_page_is_what_a_human_reads(#[case] body: &str, #[case] line: &str) {
    assert_eq!(first_line(body.as_bytes()), line);
}

#[tokio::test]
async fn a_login_goes_to_no_foreign_node_and_nobody_is_connected_to_for_it() {
    use crate::config::audience::{Audience, Network};
    let login = Login { user: "ops".to_owned(), password: Some(SecretSource::Environment("NEVER_READ".to_owned())) };
    let within = |network: &str| Audience::Within(vec![Network::parse(network).expect("a network")]);
    for audience in [Audience::Learnt, within("10.0.0.0/8")] {
        // An address that leads nowhere: a connection would take until the deadline.
        let mut endpoint = endpoint("http://203.0.113.9:8008");
        endpoint.login = Some(login.clone());
        endpoint.audience = audience;
        let error = failure(&endpoint).await;
        assert!(matches!(&error, HttpError::Withheld(address) if address == "203.0.113.9"), "{error}");
        assert_eq!(error.cause(), Cause::Withheld);
        let writer = crate::client::patroni_write::PatroniWriter::new(&endpoint).expect("a writer");
        let order = crate::client::patroni_write::PatroniEndpoint::Restart;
        let sent = writer.send(order, None, Duration::from_secs(10)).await;
        let proven = matches!(&sent, Err(crate::client::sending::Unanswered::NotSent(HttpError::Withheld(_))));
        assert!(proven, "{sent:?}");
    }
    // Who proves itself, or is vouched for, is sent it: here it cannot be had.
    for (url, audience) in [
        ("https://203.0.113.9:8008", Audience::Learnt),
        ("http://203.0.113.9:8008", within("203.0.113.0/24")),
        ("http://203.0.113.9:8008", Audience::Named),
    ] {
        let mut endpoint = endpoint(url);
        endpoint.login = Some(login.clone());
        endpoint.audience = audience;
        assert!(matches!(failure(&endpoint).await, HttpError::Secret(_)), "{url}");
    }
}

#[tokio::test]
async fn an_answer_about_one_node_has_a_limit_of_its_own() {
    let body = format!("{{\"state\": \"{}\"}}", "x".repeat(300 << 10));
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
        .mount(&server)
        .await;
    let patroni = crate::client::patroni::Patroni::new(&endpoint(server.uri())).expect("a reader");
    assert!(matches!(patroni.status().await, Err(HttpError::TooLarge(limit)) if limit == 256 << 10));
    assert!(!matches!(patroni.cluster().await, Err(HttpError::TooLarge(_))), "the whole cluster may say more");
}
