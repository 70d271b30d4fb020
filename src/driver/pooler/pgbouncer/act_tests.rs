//! Acting against a double of PgBouncer that keeps its state as PgBouncer does, with the oddities that it has.
#![expect(clippy::disallowed_methods, reason = "a double's tasks end with the test's runtime")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::act::PoolerActor;
use crate::action::permit::WriteAccess;
use crate::client::pgbouncer::tests::{access, message, refusal, table};
use crate::config::Environment;
use crate::config::endpoint::PoolerAddress;
use crate::config::resolved::PoolerSettings;
use crate::driver::port::{NotPerformed, Reply, ReplyVerdict};
use crate::model::name::PoolerName;
use crate::model::source::FailureKind;
use crate::model::text::Text;

/// How long a pause may take here.
const PATIENCE: Duration = Duration::from_millis(900);

/// What the double is.
#[derive(Clone, Debug)]
struct World {
    /// Databases, and whether each is paused.
    databases: BTreeMap<&'static str, bool>,
    /// `PAUSE` of everything.
    all: bool,
    suspended: bool,
    /// Servers of `app` that a client has in a transaction.
    held: u32,
    /// Servers of `app` that are to be closed.
    closing: u32,
    /// `WAIT_CLOSE` was used: PAUSE is answered at once.
    answers_at_once: bool,
    is_admin: bool,
    /// Logins for acting are refused in these words.
    refuses: Option<&'static str>,
    /// What was sent but for questions.
    log: Vec<String>,
}

impl World {
    fn new() -> Self {
        Self {
            databases: [("app", false), ("billing", false)].into(),
            all: false,
            suspended: false,
            held: 0,
            closing: 0,
            answers_at_once: false,
            is_admin: true,
            refuses: None,
            log: Vec::new(),
        }
    }

    /// The answer to `statement`; `None`: none comes.
    fn answer(&mut self, statement: &str) -> Option<Vec<u8>> {
        let yes = |truth: bool| if truth { "yes" } else { "no" };
        let held: Vec<[&str; 5]> = (0..self.held).map(|_| ["app", "active", "10.0.0.1", "0x1", "0"]).collect();
        let closing = (0..self.closing).map(|_| ["app", "idle", "10.0.0.1", "", "1"]);
        let servers: Vec<[&str; 5]> = held.into_iter().chain(closing).collect();
        let number = self.held.to_string();
        if statement.starts_with("SHOW") {
            return Some(match statement {
                "SHOW STATE" => table(
                    &["key", "value"],
                    &[
                        &["active", yes(!self.all && !self.suspended)],
                        &["paused", yes(self.all)],
                        &["suspended", yes(self.suspended)],
                    ],
                ),
                "SHOW DATABASES" => {
                    let rows: Vec<[&str; 2]> =
                        self.databases.iter().map(|(name, paused)| [*name, if *paused { "1" } else { "0" }]).collect();
                    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
                    table(&["name", "paused"], &rows)
                }
                "SHOW SERVERS" => {
                    let rows: Vec<&[&str]> = servers.iter().map(<[&str; 5]>::as_slice).collect();
                    table(&["database", "state", "addr", "link", "close_needed"], &rows)
                }
                "SHOW CLIENTS" => table(
                    &["user", "addr", "port", "ptr", "request_time"],
                    &[&["shop", "10.0.0.9", "40112", "0x1", "2026-12-01 13:05:11 UTC"]],
                ),
                "SHOW POOLS" => table(&["database", "user", "sv_active"], &[&["app", "shop", &number]]),
                "SHOW VERSION" => table(&["version"], &[&["PgBouncer 1.24.1"]]),
                other => panic!("{other} was not asked for"),
            });
        }
        self.log.push(statement.to_owned());
        if !self.is_admin {
            return Some(refusal("ERROR", "admin access needed"));
        }
        let (word, name) = match statement.split_once(' ') {
            Some((word, name)) => (word, Some(name.trim_matches('"'))),
            None => (statement, None),
        };
        let done = || Some(message(b'C', format!("{word}\0").as_bytes()));
        let no = |words: &str| Some(refusal("ERROR", words));
        if name.is_some_and(|name| !self.databases.contains_key(name)) {
            return no("no such database");
        }
        match (word, name) {
            ("PAUSE", _) if self.all => no("already suspended/paused"),
            ("PAUSE", name) => {
                match name {
                    Some(name) => *self.databases.get_mut(name)? = true,
                    None => self.all = true,
                }
                let waits = self.held > 0 && name != Some("billing");
                if waits && !self.answers_at_once { None } else { done() }
            }
            ("RESUME", None) if self.all || self.suspended => {
                (self.all, self.suspended) = (false, false);
                done()
            }
            ("RESUME", None) => no("pooler is not paused/suspended"),
            ("RESUME", Some(name)) if self.databases[name] => {
                *self.databases.get_mut(name)? = false;
                done()
            }
            ("RESUME", Some(name)) => no(&format!("database {name} is not paused")),
            ("KILL", Some(name)) => {
                *self.databases.get_mut(name)? = true;
                self.held = 0;
                done()
            }
            ("RECONNECT", _) => done(),
            other => panic!("{other:?} must never be sent"),
        }
    }
}

async fn serve(mut stream: TcpStream, world: Arc<Mutex<World>>) -> Option<()> {
    let user = loop {
        let length = stream.read_u32().await.ok()?;
        let mut startup = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut startup).await.ok()?;
        if startup != 80_877_103u32.to_be_bytes() {
            break String::from_utf8_lossy(&startup).into_owned();
        }
        stream.write_all(b"N").await.ok()?;
    };
    let refuses = world.lock().unwrap().refuses.filter(|_| user.contains("admin"));
    if let Some(words) = refuses {
        stream.write_all(&refusal("FATAL", words)).await.ok()?;
        return None;
    }
    let version = message(b'S', b"server_version\x001.24.1/bouncer\0");
    stream.write_all(&[message(b'R', &[0; 4]), version, message(b'Z', b"I")].concat()).await.ok()?;
    loop {
        let tag = stream.read_u8().await.ok()?;
        let length = stream.read_u32().await.ok()?;
        let mut inside = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut inside).await.ok()?;
        if tag == b'X' {
            return None;
        }
        assert_eq!(tag, b'Q', "the console ends a session that sends anything else");
        let statement = String::from_utf8_lossy(&inside).trim_end_matches('\0').to_owned();
        let answer = world.lock().unwrap().answer(&statement);
        let Some(answer) = answer else { continue };
        stream.write_all(&[answer, message(b'Z', b"I")].concat()).await.ok()?;
    }
}

struct Fixture {
    world: Arc<Mutex<World>>,
    actor: PoolerActor,
}

impl Fixture {
    async fn new(edit: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new();
        edit(&mut world);
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let served = Arc::clone(&world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        let mut acting = access();
        acting.user = "admin".to_owned();
        let configured = PoolerSettings {
            name: PoolerName::new("edge"),
            address: PoolerAddress::Tcp("127.0.0.1".to_owned(), port),
            access: access(),
            acting: Some(acting),
            repoint: Vec::new(),
            databases: Vec::new(),
        };
        let environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect::<Environment>();
        let actor = PoolerActor::new(configured, Arc::new(environment), &WriteAccess::granted());
        Self { world, actor }
    }

    async fn pause(&mut self, database: Option<&str>) -> Reply {
        let database = database.map(Text::new);
        self.actor.pause_scope(database.as_ref(), PATIENCE).await.expect("a reply")
    }

    async fn resume(&mut self, database: &str) -> Reply {
        self.actor.resume(&[Text::new(database)]).await.expect("a reply")
    }

    fn log(&self) -> Vec<String> {
        self.world.lock().unwrap().log.clone()
    }

    fn paused(&self, database: &str) -> bool {
        self.world.lock().unwrap().databases[database]
    }
}

#[tokio::test]
async fn a_pause_of_one_of_two_databases_counts_once_nobody_has_a_server_of_it() {
    let mut fixture = Fixture::new(|_| {}).await;
    let reply = fixture.pause(Some("app")).await;
    assert!(reply.is_accepted() && reply.text.as_str().contains("no server in use"), "{reply:?}");
    assert!(fixture.paused("app") && !fixture.paused("billing"));
    assert!(fixture.resume("app").await.is_accepted());
    assert!(!fixture.paused("app"));
    assert_eq!(fixture.log(), ["PAUSE \"app\"", "RESUME \"app\""]);
}

#[tokio::test]
async fn a_transaction_that_does_not_end_keeps_a_pause_from_counting_and_its_client_is_named() {
    let mut fixture = Fixture::new(|world| world.held = 1).await;
    let reply = fixture.pause(Some("app")).await;
    assert_eq!(reply.verdict, ReplyVerdict::RefusedMayHappen, "{reply:?}");
    let held =
        "1 of its servers still have a client: held by shop from 10.0.0.9:40112, last request 2026-12-01 13:05:11 UTC";
    assert!(reply.text.as_str().ends_with(held), "{}", reply.text);
    assert!(fixture.paused("app"), "whoever gives up does not undo it: the resume does");
    assert!(fixture.resume("app").await.is_accepted());
    assert!(!fixture.paused("app"));
}

/// After a `WAIT_CLOSE` every PAUSE is answered at once, transactions or not.
#[tokio::test]
async fn an_answer_alone_makes_no_pause() {
    let mut fixture = Fixture::new(|world| (world.held, world.answers_at_once) = (1, true)).await;
    let reply = fixture.pause(Some("app")).await;
    assert_eq!(reply.verdict, ReplyVerdict::RefusedMayHappen, "{reply:?}");
}

#[tokio::test]
async fn whatever_somebody_else_holds_is_left_alone() {
    let cases: [fn(&mut World); 3] = [
        |world| *world.databases.get_mut("app").unwrap() = true,
        |world| world.all = true,
        |world| world.suspended = true,
    ];
    for (index, edit) in cases.into_iter().enumerate() {
        let mut fixture = Fixture::new(edit).await;
        let reply = fixture.pause(Some("app")).await;
        assert_eq!(reply.verdict, ReplyVerdict::RefusedNothingBegun, "{index}: {reply:?}");
        assert!(reply.text.as_str().contains("by another user"), "{index}: {}", reply.text);
        assert!(fixture.log().is_empty(), "{index}: {:?}", fixture.log());
    }
}

#[tokio::test]
async fn a_pause_of_everything_is_told_by_the_process_and_not_by_its_databases() {
    let mut fixture = Fixture::new(|_| {}).await;
    assert!(fixture.pause(None).await.is_accepted());
    assert!(fixture.world.lock().unwrap().all && !fixture.paused("app"));
    let reply = fixture.actor.resume_all().await.expect("a reply");
    assert!(reply.is_accepted(), "{reply:?}");
    assert!(!fixture.world.lock().unwrap().all);
}

#[tokio::test]
async fn a_resume_that_another_hand_has_made_is_done_and_one_below_a_pause_of_everything_is_not() {
    let mut fixture = Fixture::new(|_| {}).await;
    let reply = fixture.resume("app").await;
    assert!(reply.is_accepted(), "it is refused in words, and flows: {reply:?}");
    assert!(fixture.actor.resume_all().await.expect("a reply").is_accepted());
    fixture.world.lock().unwrap().all = true;
    let reply = fixture.resume("app").await;
    assert!(!reply.is_accepted() && reply.text.as_str().contains("everything is paused"), "{reply:?}");
    assert!(fixture.world.lock().unwrap().all, "it is somebody else's");
}

#[tokio::test]
async fn who_may_not_pause_is_told_and_nothing_has_happened() {
    let mut fixture = Fixture::new(|world| world.is_admin = false).await;
    let reply = fixture.pause(Some("app")).await;
    assert_eq!(reply.verdict, ReplyVerdict::RefusedNothingBegun, "{reply:?}");
    assert_eq!(reply.text.as_str(), "admin rights are required");
    let mut fixture = Fixture::new(|world| world.refuses = Some("SASL authentication failed")).await;
    let refused = fixture.actor.pause(&"app".into(), PATIENCE).await.expect_err("no login");
    let NotPerformed::NotSent(error) = refused else { panic!("{refused:?}") };
    assert_eq!(error.failure_kind, FailureKind::Credentials);
}

#[tokio::test]
async fn dropping_the_clients_of_a_database_leaves_it_paused() {
    let mut fixture = Fixture::new(|world| world.held = 3).await;
    let reply = fixture.actor.kill(&"app".into()).await.expect("a reply");
    assert!(reply.is_accepted() && reply.text.as_str().contains("it is paused"), "{reply:?}");
    assert!(fixture.paused("app") && fixture.resume("app").await.is_accepted());
    let reply = fixture.actor.kill(&"other".into()).await.expect("a reply");
    assert_eq!(reply.verdict, ReplyVerdict::RefusedNothingBegun, "{reply:?}");
}

#[tokio::test]
async fn servers_that_clients_still_have_are_not_said_to_be_gone() {
    let mut fixture = Fixture::new(|world| world.closing = 2).await;
    let reply = fixture.actor.reconnect(None).await.expect("a reply");
    assert!(reply.is_accepted() && reply.text.as_str().contains("2 servers are closed once"), "{reply:?}");
    fixture.world.lock().unwrap().closing = 0;
    let reply = fixture.actor.reconnect(Some(&"app".into())).await.expect("a reply");
    assert!(reply.text.as_str().contains("no server of before is left"), "{reply:?}");
    assert_eq!(fixture.log(), ["RECONNECT", "RECONNECT \"app\""]);
}
