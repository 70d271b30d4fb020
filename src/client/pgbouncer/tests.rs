//! The reader against a double of the console, which says what a test wants it to.
#![expect(clippy::disallowed_methods, reason = "a double's tasks end with the test's runtime")]

use std::time::Duration;

use rstest::rstest;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::Environment;
use crate::config::endpoint::{PoolerAddress, PostgresAccess, SslMode};
use crate::config::libpq::{self, ExplicitSettings};

const SECOND: Duration = Duration::from_secs(1);

/// What the double does.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Says this version at login, and answers.
    Version(&'static str),
    /// Refuses the login in these words.
    Refuses(&'static str),
    /// Lets in and answers nothing.
    Hangs,
    /// Lets in and sends rows without end.
    Floods,
}

pub(crate) fn message(tag: u8, inside: &[u8]) -> Vec<u8> {
    let length = i32::try_from(inside.len() + 4).expect("short").to_be_bytes();
    [&[tag], &length[..], inside].concat()
}

pub(crate) fn refusal(severity: &str, words: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C08P01\0M{words}\0\0");
    message(b'E', fields.as_bytes())
}

pub(crate) fn table(columns: &[&str], rows: &[&[&str]]) -> Vec<u8> {
    let count = |count: usize| u16::try_from(count).expect("few").to_be_bytes();
    let mut head = count(columns.len()).to_vec();
    for column in columns {
        head.extend(
            [column.as_bytes(), &[0], &[0; 4], &[0; 2], &25u32.to_be_bytes(), &[0xff, 0xff], &[0xff; 4], &[0; 2]]
                .concat(),
        );
    }
    let mut answer = message(b'T', &head);
    for row in rows {
        let mut cells = count(row.len()).to_vec();
        for cell in *row {
            cells.extend(u32::try_from(cell.len()).expect("short").to_be_bytes());
            cells.extend(cell.as_bytes());
        }
        answer.extend(message(b'D', &cells));
    }
    answer.extend(message(b'C', b"SHOW\0"));
    answer
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, manner: Manner) -> Option<()> {
    // What begins is no message yet: a length, and no tag.
    loop {
        let length = stream.read_u32().await.ok()?;
        let mut startup = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut startup).await.ok()?;
        if startup != 80_877_103u32.to_be_bytes() {
            assert!(!String::from_utf8_lossy(&startup).contains("options"), "a setting that the console refuses");
            break;
        }
        stream.write_all(b"N").await.ok()?;
    }
    let version = match manner {
        Manner::Refuses(words) => {
            stream.write_all(&refusal("FATAL", words)).await.ok()?;
            return None;
        }
        Manner::Version(version) => version,
        Manner::Hangs | Manner::Floods => "1.26.1/bouncer",
    };
    let version = format!("server_version\0{version}\0");
    let welcome = [message(b'R', &[0; 4]), message(b'S', version.as_bytes()), message(b'Z', b"I")].concat();
    stream.write_all(&welcome).await.ok()?;
    loop {
        let tag = stream.read_u8().await.ok()?;
        let length = stream.read_u32().await.ok()?;
        let mut inside = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut inside).await.ok()?;
        if tag == b'X' {
            return None;
        }
        assert_eq!(tag, b'Q', "the console ends a session that sends anything else");
        let answer = match (manner, String::from_utf8_lossy(&inside).trim_end_matches('\0')) {
            (Manner::Hangs, _) => continue,
            (Manner::Floods, _) => {
                let row = message(b'D', &[&[0, 1][..], &60_000u32.to_be_bytes(), &vec![b'x'; 60_000]].concat());
                stream.write_all(&table(&["x"], &[])[..22]).await.ok()?;
                loop {
                    stream.write_all(&row).await.ok()?;
                }
            }
            (_, "SHOW STATE") => refusal("ERROR", "invalid command 'SHOW STATE', use SHOW HELP;"),
            (_, "SHOW POOLS") => table(&["database", "cl_waiting"], &[&["app", "3"], &["billing", "0"]]),
            (_, other) => panic!("{other} was not asked for"),
        };
        stream.write_all(&[answer, message(b'Z', b"I")].concat()).await.ok()?;
    }
}

/// A double behind TCP.
async fn console(manner: Manner) -> PoolerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, manner));
        }
    });
    PoolerAddress::Tcp("127.0.0.1".to_owned(), port)
}

pub(crate) fn access() -> PostgresAccess {
    let environment: Environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect();
    let explicit = ExplicitSettings {
        user: Some("stats".to_owned()),
        database: Some("pgbouncer".to_owned()),
        sslmode: Some(SslMode::Prefer),
        ..ExplicitSettings::default()
    };
    libpq::access(&explicit, &environment).expect("access").0
}

async fn pools(address: &PoolerAddress) -> Result<Vec<Result<Rows, Refusal>>, ConsoleError> {
    let mut reader = AdminReader::open(&access(), address, None).await?;
    assert_eq!(reader.version(), "1.18.0");
    let first = reader.ask(&[Show::State, Show::Pools], SECOND).await?;
    assert_eq!(first, reader.ask(&[Show::State, Show::Pools], SECOND).await?, "the session is kept");
    Ok(first)
}

fn assert_read(answers: &[Result<Rows, Refusal>]) {
    assert_eq!(answers[0], Err(Refusal::Unknown), "and the next one is answered all the same");
    let rows = answers[1].as_ref().expect("pools");
    let waiting: Vec<Option<u32>> = rows.iter().map(|row| row.parsed("cl_waiting")).collect();
    assert_eq!(waiting, [Some(3), Some(0)]);
}

#[tokio::test]
async fn a_statement_that_a_version_does_not_know_leaves_the_others_answered() {
    let address = console(Manner::Version("1.18.0/bouncer")).await;
    assert_read(&pools(&address).await.expect("answers"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_spoken_to_without_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(".s.PGSQL.6432");
    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Manner::Version("1.18.0/bouncer")));
        }
    });
    assert_read(&pools(&PoolerAddress::Unix(path)).await.expect("answers"));
}

#[rstest]
#[case::not_allowed(Manner::Refuses("not allowed"), "NotPermitted")]
#[case::wrong_password(Manner::Refuses("SASL authentication failed"), "Login")]
#[case::full(Manner::Refuses("no more connections allowed (max_client_conn)"), "Full")]
#[case::postgresql(Manner::Version("17.2 (Debian 17.2-1)"), "Foreign")]
#[tokio::test]
async fn who_is_not_let_in_knows_why(#[case] manner: Manner, #[case] kind: &str) {
    let error = AdminReader::open(&access(), &console(manner).await, None).await.err().expect("a refusal");
    assert!(format!("{error:?}").starts_with(kind), "{error:?}");
}

#[tokio::test]
async fn a_console_that_hangs_is_given_up_at_the_deadline_and_named() {
    let mut reader = AdminReader::open(&access(), &console(Manner::Hangs).await, None).await.expect("a session");
    let error = reader.ask(&[Show::Pools], Duration::from_millis(50)).await.expect_err("no answer");
    assert!(matches!(error, ConsoleError::Hangs { statement: "SHOW POOLS", .. }), "{error:?}");
}

#[tokio::test]
async fn rows_without_end_are_not_kept() {
    let mut reader = AdminReader::open(&access(), &console(Manner::Floods).await, None).await.expect("a session");
    let error = reader.ask(&[Show::Pools], Duration::from_secs(20)).await.expect_err("too much");
    assert!(error.to_string().contains("bytes"), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let address = PoolerAddress::Tcp("127.0.0.1".to_owned(), port);
    let error = AdminReader::open(&access(), &address, None).await.err().expect("a refusal");
    assert_eq!(error.to_string(), "connection refused");
}
