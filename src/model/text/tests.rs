use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case("plain", "plain")]
#[case("a\u{1b}[31mred\u{1b}[0m", "ared")]
#[case("title\u{1b}]0;owned\u{7}!", "title!")]
#[case("\u{1b}]52;c;aGk=\u{1b}\\copy", "copy")]
#[case("c1\u{9b}2Jgone", "c1gone")]
#[case("two\r\n\tlines", "two lines")]
#[case("bell\u{7}\u{8}\u{7f}", "bell")]
#[case("evil\u{202e}txt", "eviltxt")]
#[case("naïve 日本", "naïve 日本")]
#[case("hidden \u{1b}]0;pg-1 is fine", "hidden …")]
#[case("hidden \u{1b}P1;pg-1 is fine", "hidden …")]
#[case("hidden \u{9d}0;pg-1 is fine", "hidden …")]
#[case("broken off \u{1b}]0;x\u{1b}[31mred", "broken off red")]
fn a_terminal_finds_nothing_to_obey(#[case] raw: &str, #[case] clean: &str) {
    assert_eq!(Text::new(raw).as_str(), clean);
}

#[test]
fn a_monstrous_answer_is_cut() {
    assert_eq!(Text::new("x".repeat(1_000_000)).as_str().chars().count(), MAX_LENGTH + 1);
}

/// One by one, as they are in the tables of Unicode 16, so that the table of the program is compared with something else.
#[rstest]
#[case::default_ignorable(&[
    0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x180e, 0x180f, 0x200b, 0x200c, 0x200d,
    0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2065, 0x2066,
    0x2067, 0x2068, 0x2069, 0x206a, 0x206b, 0x206c, 0x206d, 0x206e, 0x206f, 0x3164, 0xfe00, 0xfe08, 0xfe0f, 0xfeff,
    0xffa0, 0xfff0, 0xfff8, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0000, 0xe0001, 0xe0020, 0xe007f, 0xe0100, 0xe01ef,
    0xe0fff,
])]
#[case::interlinear_annotation(&[0xfff9, 0xfffa, 0xfffb])]
fn what_nobody_would_see_is_taken_out(#[case] points: &[u32]) {
    for point in points {
        let c = char::from_u32(*point).expect("a character");
        assert_eq!(Text::new(format!("pg{c}-0")).as_str(), "pg-0", "U+{point:04X}");
    }
}

#[test]
fn what_is_seen_stays() {
    for seen in ["é", "ß", "—", "日", "ﷺ", "→", "█", "⠿", "😀", "\u{fffd}", "\u{301}"] {
        assert_eq!(Text::new(format!("a{seen}b")).as_str(), format!("a{seen}b"));
    }
}

#[rstest]
// Connection strings: a value ends at a blank, which a backslash escapes.
#[case("host=a password=s3cret user=b", "host=a password=******** user=b")]
#[case("password=ab,cd;ef} user=b", "password=******** user=b")]
#[case("password=a\\ b user=c", "password=******** user=c")]
#[case("password = 's3 cret' user=b", "password =******** user=b")]
#[case("password='a\\'b c' x", "password=******** x")]
#[case("password='a\\\\' x", "password=******** x")]
#[case("password='it''s' x", "password=******** x")]
#[case("password='' host=x", "password=******** host=x")]
#[case("password==odd x", "password=******** x")]
#[case("sslpassword=k3y x", "sslpassword=******** x")]
#[case("password='never closed", "password=********")]
// As recovery settings hold them, quotes doubled, backslashes too.
#[case(
    "primary_conninfo = 'user=r password=''se cret'' host=b'",
    "primary_conninfo = 'user=r password=******** host=b'"
)]
#[case("'user=r password=''se cret\\\\''x'' host=b'", "'user=r password=******** host=b'")]
#[case("'password=''it\\''s'' host=b'", "'password=******** host=b'")]
// URLs.
#[case("postgres://u:p@h/db", "postgres://u:********@h/db")]
#[case("postgres://u:p/q?r@h/db", "postgres://u:********@h/db")]
#[case("postgres://u:p@h1:5432,h2:5432/db", "postgres://u:********@h1:5432,h2:5432/db")]
#[case("postgres://u@h/db?password=abc&x=1", "postgres://u@h/db?password=********&x=1")]
#[case("postgres://u@h:5432/db?options=a@b", "postgres://u@h:5432/db?options=a@b")]
#[case("two https://a:b@c and http://d:e@f", "two https://a:********@c and http://d:********@f")]
#[case("http://[::1]:8008/patroni", "http://[::1]:8008/patroni")]
// Documents, also within a string.
#[case("{\"password\": \"abc\"}", "{\"password\":********}")]
#[case("{\"password\":\"a\\\"b,c\",\"host\":\"x\"}", "{\"password\":********,\"host\":\"x\"}")]
#[case("{\"password\":\"\",\"host\":\"x\"}", "{\"password\":********,\"host\":\"x\"}")]
#[case("{\"password\":null,\"host\":\"x\"}", "{\"password\":********,\"host\":\"x\"}")]
#[case("\"{\\\"password\\\": \\\"a\\\\\\\"b\\\", \\\"x\\\": 1}\"", "\"{\\\"password\\\":********, \\\"x\\\": 1}\"")]
#[case("password: s3cret", "password:********")]
#[case("password => 's3 cret', x", "password =>********, x")]
// Statements and commands.
#[case("ALTER ROLE a PASSWORD 'it''s' LOGIN", "ALTER ROLE a PASSWORD ******** LOGIN")]
#[case("CREATE ROLE a PASSWORD E'x\\'y' LOGIN", "CREATE ROLE a PASSWORD ******** LOGIN")]
#[case("ALTER ROLE a PASSWORD $x$s3 cret$x$ LOGIN", "ALTER ROLE a PASSWORD ******** LOGIN")]
#[case("ALTER ROLE a PASSWORD 'cut off by track_activ", "ALTER ROLE a PASSWORD ********")]
#[case("OPTIONS (user 'a', password 'b')", "OPTIONS (user 'a', password ********)")]
#[case("tool --password s3cret -v", "tool --password ******** -v")]
#[case("PGPASSWORD=s3cret psql", "PGPASSWORD=******** psql")]
// Headers, tokens, keys.
#[case("Authorization: Basic dXNlcjpwYXNz\nAccept: x", "Authorization: ********\nAccept: x")]
#[case("curl -H 'Authorization: Bearer abc' x", "curl -H 'Authorization: ********' x")]
#[case("sent Bearer eyJhbGciOiJIUzI1NiJ9.e30.x to", "sent Bearer ******** to")]
#[case("X-Vault-Token: hvs.abc", "X-Vault-Token:********")]
#[case("token=abc secret=def apikey=ghi", "token=******** secret=******** apikey=********")]
#[case("aws_secret_access_key = wJalr/K7MD+x", "aws_secret_access_key =********")]
#[case("key AKIAIOSFODNN7EXAMPLE used", "key ******** used")]
#[case("https://b/x?X-Amz-Signature=abc&y=1", "https://b/x?X-Amz-Signature=********&y=1")]
// No secret.
#[case("password authentication failed for user \"a\"", "password authentication failed for user \"a\"")]
#[case("password_env = \"PG_PASSWORD\"", "password_env = \"PG_PASSWORD\"")]
#[case("no password was given", "no password was given")]
#[case("password=", "password=")]
#[case("bearer of bad news", "bearer of bad news")]
#[case("invalid authorization specification", "invalid authorization specification")]
fn secrets_are_masked(#[case] raw: &str, #[case] masked: &str) {
    assert_eq!(redact(raw), masked);
}

const TWO: std::num::NonZero<u16> = std::num::NonZero::new(2).expect("rows");
const WIDE: std::num::NonZero<u16> = std::num::NonZero::new(200).expect("columns");

/// A password as libpq's own rules write it into a connection string.
fn written(password: &str) -> String {
    format!("'{}'", password.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// As it stands in `postgresql.auto.conf`.
fn doubled(conninfo: &str) -> String {
    format!("primary_conninfo = '{}'", conninfo.replace('\\', "\\\\").replace('\'', "''"))
}

proptest! {
    /// A terminal of another make is the judge.
    #[test]
    fn a_terminal_shows_what_is_left_letter_by_letter(raw in "([ -~]|[\\x00-\\x1f\\x7f]|[\u{80}-\u{9f}]|\u{1b}[\\]\\[P^_X(0-9;]){0,40}") {
        let text = Text::new(&raw);
        // The ellipsis is as wide as a letter.
        let mut terminal = vt100::Parser::new(TWO, WIDE, 0);
        terminal.process(text.as_str().as_bytes());
        let shown = terminal.screen().contents();
        prop_assert_eq!(shown.trim_end(), text.as_str());
        prop_assert_eq!(usize::from(terminal.screen().cursor_position().1), text.as_str().chars().count());
    }

    #[test]
    fn cleaning_twice_changes_nothing(raw in any::<String>()) {
        let once = Text::new(&raw);
        prop_assert_eq!(Text::new(once.as_str()), once);
    }

    #[test]
    fn no_password_in_quotes_is_reported(password in "[a-z '\"\\\\,;{}&=:@/$é]{1,12}", user in "[a-z]{1,8}") {
        let secret = format!("hunter2{password}hunter2");
        let conninfo = format!("host=a password={} user={user}", written(&secret));
        for line in [conninfo.clone(), doubled(&conninfo), doubled(&conninfo).replace("\\\\", "\\")] {
            let reported = redact(&line);
            prop_assert!(!reported.contains("hunter2"), "{} of {}", reported, line);
        }
        let json = serde_json::json!({ "password": secret, "user": user }).to_string();
        let within = serde_json::json!({ "body": json }).to_string();
        for line in [json, within] {
            let reported = redact(&line);
            prop_assert!(!reported.contains("hunter2"), "{} of {}", reported, line);
            prop_assert!(reported.contains(&user), "what is no secret stays: {} of {}", reported, line);
        }
    }

    #[test]
    fn no_password_without_quotes_is_reported(password in "[!-&(-\\[\\]-~]{0,12}") {
        let line = format!("host=a password=hunter2{password}hunter2 user=b");
        let reported = redact(&line);
        prop_assert!(!reported.contains("hunter2") && reported.ends_with(" user=b"), "{}", reported);
    }

    #[test]
    fn redacting_never_panics(raw in any::<String>(), word in "password|token|://|'|\\\\|=|:|\\$|bearer |AKIA") {
        let _ = redact(&raw);
        let _ = redact(&format!("{word}{raw}{word}{raw}"));
    }
}
