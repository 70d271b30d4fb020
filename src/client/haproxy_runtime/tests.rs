use std::sync::atomic::Ordering;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::client::double;

const ANSWER: &str = "Name: HAProxy\nVersion: 3.0.11\nUptime_sec: 46\n\n\
    # pxname,svname,status,\nprimary,pg-0,UP,\n\n\
    1\n# be_id be_name srv_id srv_name srv_addr srv_port\n3 primary 1 pg-0 10.0.0.1 5432\n3 primary 2 pg-1 fd00::2 5432\n\n";

fn reader(address: String, time_limit: Duration) -> RuntimeReader {
    RuntimeReader::new(RuntimeApi::Tcp(address), Timeouts { connect: time_limit, request: time_limit })
}

const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn one_connection_brings_process_statistics_and_addresses() {
    let answer = reader(double::answering(ANSWER), TIMEOUT).read().await.expect("an answer");
    assert_eq!(answer.info["Version"], "3.0.11");
    assert_eq!(answer.statistics.rows().count(), 1);
    let address = |server: &str| answer.servers[&("primary".to_owned(), server.to_owned())].address.as_deref().unwrap();
    assert_eq!((address("pg-0"), address("pg-1")), ("10.0.0.1:5432", "[fd00::2]:5432"));
}

#[tokio::test]
async fn a_socket_at_user_level_still_gives_the_statistics() {
    let text = ANSWER.replace(&ANSWER[ANSWER.find("1\n# be_id").expect("there")..], "Permission denied\n\n");
    let answer = reader(double::answering(text), TIMEOUT).read().await.expect("an answer");
    assert_eq!((answer.statistics.rows().count(), answer.servers.len()), (1, 0));
}

#[rstest]
#[case("Permission denied\n\n", Cause::Permission)]
#[case("Unknown command: 'show info', but maybe one of the following is a better match:\n\n", Cause::Unsupported)]
#[case("HTTP/1.0 400 Bad request\r\n\r\n", Cause::UnexpectedAnswer)]
#[case("SSH-2.0-OpenSSH_9.9\r\n", Cause::UnexpectedAnswer)]
#[case("", Cause::Closed)]
#[case(&ANSWER[..ANSWER.find("UP").expect("there")], Cause::UnexpectedAnswer)]
#[case("# pxname,svname,status,\nprimary,pg-0,UP,\n", Cause::UnexpectedAnswer)]
#[tokio::test]
async fn refusals_foreign_nodes_and_cut_answers_are_distinguished(#[case] text: &str, #[case] cause: Cause) {
    let error = reader(double::answering(text), TIMEOUT).read().await.expect_err("an error");
    assert_eq!(error.cause(), cause, "{}", error.line());
}

#[tokio::test]
async fn a_closed_port_a_frozen_process_and_a_missing_socket_are_distinguished() {
    let refused = reader(double::refused(), TIMEOUT).read().await.expect_err("refused");
    assert_eq!(refused.cause(), Cause::Refused);
    let frozen = reader(double::silent(), Duration::from_millis(50)).read().await.expect_err("frozen");
    assert_eq!(frozen.cause(), Cause::TimedOut);
    let nameless = reader("no-such-host.invalid:1".to_owned(), TIMEOUT).read().await.expect_err("nameless");
    assert_eq!(nameless.cause(), Cause::Name);
    let missing = RuntimeReader::new(RuntimeApi::Unix("/nonexistent/haproxy.sock".into()), Timeouts::default());
    assert_eq!(missing.read().await.expect_err("missing").cause(), Cause::Refused);
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_at_the_limit() {
    let (address, sent) = double::endless("# pxname,svname,status,\n", "primary,pg-0,UP,\n");
    let error = reader(address, TIMEOUT * 6).read().await.expect_err("too large");
    assert_eq!(error.cause(), Cause::TooLarge);
    assert!(sent.load(Ordering::Relaxed) < 64 * 1024 * 1024);
}

#[test]
fn nothing_but_show_can_be_stated() {
    for command in [Show::Info, Show::Stat, Show::ServersState, Show::CliLevel] {
        assert!(command.describe().starts_with("show "));
    }
}

proptest! {
    #[test]
    fn no_text_brings_the_parser_down(text in "(Name: x\n|\n|# pxname,svname,status,\n|1\n|# be_id be_name|.{0,10}){0,12}") {
        let _ = interpret(&text);
    }

    #[test]
    fn no_cut_answer_passes_for_a_whole_table(length in 0..ANSWER.len()) {
        if let Ok(answer) = interpret(&ANSWER[..length]) {
            prop_assert_eq!(answer.statistics.rows().count(), 1);
        }
    }
}
