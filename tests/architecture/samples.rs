//! The checker itself, on small bad samples: a check that cannot fail checks nothing.

use rstest::rstest;

use crate::reading::{self, Source, module_of};
use crate::rules::violations;

fn check(file: &str, text: &str) -> Vec<String> {
    let source = Source { file: file.to_owned(), text: text.to_owned() };
    violations(&[source]).iter().map(ToString::to_string).collect()
}

#[rstest]
#[case::plain("tui/app.rs", "use crate::client::http;", "tui names client::http")]
#[case::grouped("cli/status.rs", "use crate::{model::text::Text, driver::{port, ha}};", "cli names driver::port")]
#[case::nested(
    "observe/tasks.rs",
    "use crate::driver::{port::Observe, dcs::etcd::EtcdRecord};",
    "observe names driver::dcs"
)]
#[case::renamed("health/lag.rs", "use crate::driver as d;", "health names driver")]
#[case::inline("model/lsn.rs", "fn f() { crate::config::endpoint::f() }", "model names config::endpoint")]
#[case::in_a_type("report/rows.rs", "fn f(a: &crate::observe::picture::P) {}", "report names observe::picture")]
#[case::upwards("client/etcd/mod.rs", "use super::super::model::text::Text;", "client names model::text")]
#[case::from_inside(
    "client/etcd/mod.rs",
    "mod a { use super::super::super::model::text; }",
    "client names model::text"
)]
#[case::in_a_macro(
    "client/x.rs",
    "fn f() { format!(\"{}\", crate::model::text::LONGEST); }",
    "client names model::text"
)]
#[case::in_odd_tokens("client/x.rs", "tokio::select! { a = crate::model::f() => b }", "client names model::f")]
#[case::whole_crate("client/x.rs", "use crate::*;", "client names every room at once")]
#[case::composition("tui/app.rs", "use crate::wire;", "tui names wire")]
#[case::in_tests("model/x.rs", "#[cfg(test)] mod tests { use crate::driver::port; }", "model names driver::port")]
fn a_room_that_reaches_too_far_is_reported(#[case] file: &str, #[case] text: &str, #[case] reported: &str) {
    let found = check(file, text);
    assert!(found.iter().any(|line| line.contains(reported) && line.contains("rooms import")), "{found:?}");
}

#[rstest]
#[case("driver/x.rs", "use tokio_postgres::Client;", "wire library tokio_postgres")]
#[case("driver/x.rs", "fn f() { reqwest::Client::new(); }", "wire library reqwest")]
#[case("observe/x.rs", "use etcd_client as e;", "wire library etcd_client")]
#[case("wire.rs", "extern crate kube;", "wire library kube")]
#[case("config/x.rs", "use std::{net::{IpAddr, TcpStream}, fs};", "socket TcpStream")]
#[case("driver/x.rs", "fn f(a: tokio::net::UnixStream) {}", "socket UnixStream")]
#[case("cli/x.rs", "use std::process; fn f() { process::Command::new(\"sh\"); }", "child process")]
#[case("tui/x.rs", "use tokio::process::*;", "child process")]
#[case("wire/x.rs", "fn f() { std::env::var(\"X\"); }", "reads the environment")]
#[case("driver/x.rs", "use tokio::net::*;", "every socket")]
#[case("report/x.rs", "use ratatui::text::Line;", "screen library ratatui")]
#[case("observe/x.rs", "use crossterm::event;", "screen library crossterm")]
#[case("tui/views/dcs.rs", "use ratatui::style::Color;", "names a colour")]
#[case("tui/views/dcs.rs", "fn f() { let c = ratatui::style::Color::Red; }", "names a colour")]
#[case("tui/app.rs", "fn f(k: K) { matches!(k, KeyCode::Esc); }", "names a key code")]
#[case("operate/x.rs", "fn f() -> WriteAccess { WriteAccess { x: 1 } }", "makes a WriteAccess")]
#[case("tui/x.rs", "fn f() { go(crate::action::WriteAccess::grant()); }", "makes a WriteAccess")]
#[case("cli/x.rs", "fn f() { assert!(WriteAccess(1).ok()); }", "makes a WriteAccess")]
#[case("model/x.rs", "use std::time::{Duration, Instant};", "names std::time::Instant")]
#[case("health/x.rs", "async fn f() { tokio::task::yield_now().await }", "names tokio")]
#[case("action/x.rs", "fn f() { std::fs::read(\"x\"); }", "names std::fs")]
#[case("wire/stack.rs", "use tokio::net::TcpStream;", "socket TcpStream")]
#[case(
    "driver/x.rs",
    "async fn f(words: &[Text]) { let words: Vec<String> = g(words); crate::client::process::run(&words).await }",
    "never a Text"
)]
#[case(
    "driver/x.rs",
    "use a::process; fn f() { let c: Vec<Text> = g(); process::run_with_input(&h(c)); }",
    "never a Text"
)]
#[case("action/x.rs", "enum Means { Command { make: Vec<Text> } }", "never a Text")]
#[case("lantern/x.rs", "", "does not know lantern")]
#[case("stray.rs", "", "does not know stray.rs")]
#[case("model/x.rs", "fn (", "not Rust")]
fn what_belongs_elsewhere_is_reported(#[case] file: &str, #[case] text: &str, #[case] reported: &str) {
    let found = check(file, text);
    assert!(found.iter().any(|line| line.contains(reported)), "{found:?}");
}

#[rstest]
#[case::comments("model/x.rs", "//! [`crate::driver::port`]\n/// See crate::tui.\n// use crate::client;\nfn f() {}")]
#[case::strings("model/x.rs", "fn f() -> &'static str { \"use crate::client; TcpStream\" }")]
#[case::own_room("tui/views/dcs.rs", "use crate::tui::theme::Theme; use super::super::widgets::table;")]
#[case::port("observe/x.rs", "use crate::driver::port::{Facts, Observe}; use crate::driver::port;")]
#[case::clients("driver/x.rs", "use crate::client::etcd::Record; use crate::model::text::Text;")]
#[case::sockets("client/x.rs", "use tokio::net::TcpStream; use etcd_client::Client;")]
#[case::theme("tui/theme/dark.rs", "use ratatui::style::Color;")]
#[case::keymap("tui/keymap.rs", "use crossterm::event::KeyCode;")]
#[case::wire("wire.rs", "use crate::{client, driver, tui}; fn f() { WriteAccess::new(); }")]
#[case::part_of_wire("wire/stack.rs", "use crate::{client, driver, tui}; fn f() { WriteAccess::new(); }")]
#[case::passing_on("operate/x.rs", "fn f(w: WriteAccess) -> WriteAccess { g(&w); w }")]
#[case::doubles("driver/x.rs", "#[cfg(test)] mod tests { use std::net::TcpListener; fn f() { reqwest::get(\"\"); } }")]
#[case::text_to_be_shown("driver/x.rs", "fn f(words: &[Text]) { show(words) }")]
#[case::strings_to_be_run("driver/x.rs", "fn f(words: &[String]) -> Text { process::run(words) }")]
#[case::exit_codes("main.rs", "fn main() -> std::process::ExitCode { pgctl::cli::run() }")]
#[case::not_ours("model/x.rs", "use self::client::x; mod client { pub fn x() {} }")]
fn what_is_right_is_not_reported(#[case] file: &str, #[case] text: &str) {
    assert_eq!(check(file, text), Vec::<String>::new());
}

#[test]
fn a_violation_says_file_line_what_and_rule() {
    let found = check("model/x.rs", "\n\nuse crate::config::{\n    endpoint,\n};\n");
    let reported = "src/model/x.rs:4: model names config::endpoint (crate::config::endpoint) [rooms import only what the table allows]";
    assert_eq!(found, [reported]);
}

#[test]
fn a_file_is_measured_without_its_test_modules() {
    let body = "fn f() {}\n".repeat(690);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    fn g() {}\n".repeat(300));
    assert_eq!(check("model/x.rs", &format!("{body}{tests}")), Vec::<String>::new());
    let long = check("model/x.rs", &"fn f() {}\n".repeat(701));
    assert!(long.iter().any(|line| line.contains("701 lines")), "{long:?}");
    let main = check("main.rs", &"fn f() {}\n".repeat(101));
    assert!(main.iter().any(|line| line.contains("101 lines")), "{main:?}");
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_test_code() {
    let source = |file: &str, text: String| Source { file: file.to_owned(), text };
    let parent = source("driver/x.rs", "#[cfg(test)]\nmod tests;\n".to_owned());
    let text = format!("use std::net::TcpListener;\n{}", "fn f() {}\n".repeat(800));
    let child = source("driver/x/tests.rs", text.clone());
    assert_eq!(violations(&[parent, child]).len(), 0);
    let parent = source("driver/x.rs", "mod tests;\n".to_owned());
    assert_eq!(violations(&[parent, source("driver/x/tests.rs", text)]).len(), 2);
}

#[test]
fn a_file_knows_which_module_it_is() {
    assert_eq!(module_of("client/etcd/mod.rs"), ["client", "etcd"]);
    assert_eq!(module_of("client/http.rs"), ["client", "http"]);
    assert!(module_of("lib.rs").is_empty());
    let source = Source { file: "driver/ha/x.rs".to_owned(), text: "use super::port;".to_owned() };
    let facts = reading::facts(&source).expect("Rust");
    assert_eq!(facts.named[0].path, ["crate", "driver", "ha", "port"]);
}
