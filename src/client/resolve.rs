//! Host names to addresses, for every wire. The system's resolver blocks a thread for as long as it likes, half a minute
//! where a name server is away, and every fresh connection would ask it again: a few of those fill the pool of threads
//! that files are written by, too.
//!
//! So each name is asked for once at a time, however many wait for it; an answer is kept for a moment; and only so many
//! names are asked for at once.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::config::audience::{AddressTrust, Audience};

/// How long an answer is taken for true.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// How long a name that does not resolve is not asked for again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How old an answer may be that stands in for one that does not come.
const STALE_FOR: Duration = Duration::from_secs(300);
/// How long an answer is waited for where an old one is at hand.
const HEDGE_DELAY: Duration = Duration::from_millis(200);
/// Names asked for at once: far fewer than there are threads to block.
const MAX_CONCURRENT: usize = 32;
/// Names remembered at most.
const MAX_ENTRIES: usize = 4096;

/// The addresses of `host` with `port`. A literal address is its own.
///
/// # Errors
/// When the name does not resolve.
pub async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses = resolver().ask(host).await.map_err(|error| error.to_io())?;
    Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
}

/// Where the least trusted address of `host` stands, and which that is; nobody is looked up where the host is named.
///
/// # Errors
/// When the name does not resolve.
pub async fn trust_of(audience: &Audience, host: &str) -> io::Result<(AddressTrust, Option<IpAddr>)> {
    if *audience == Audience::Named {
        return Ok((AddressTrust::Vouched, None));
    }
    let found = lookup(host, 0).await?;
    let all = found.iter().map(|found| (audience.trust_of(found.ip()), Some(found.ip())));
    Ok(all.max_by_key(|(trust, _)| *trust).unwrap_or((AddressTrust::Unknown, None)))
}

fn resolver() -> &'static Resolver {
    static RESOLVER: std::sync::OnceLock<Resolver> = std::sync::OnceLock::new();
    RESOLVER.get_or_init(|| Resolver::new(MAX_CONCURRENT, by_system))
}

/// What the system says.
fn by_system(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

/// A failure that several can be told of.
#[derive(Clone, Debug)]
struct Failed(Arc<io::Error>);

impl Failed {
    fn to_io(&self) -> io::Error {
        io::Error::new(self.0.kind(), self.clone())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

type LookupResult = Result<Arc<[IpAddr]>, Failed>;
type PendingLookup = Shared<BoxFuture<'static, Option<LookupResult>>>;
type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// One name.
#[derive(Default)]
struct Name {
    /// The last answer, and when it came.
    last: Option<(LookupResult, Instant)>,
    /// The last answer with addresses.
    good: Option<(Arc<[IpAddr]>, Instant)>,
    pending_lookup: Option<PendingLookup>,
}

struct Resolver {
    names: Arc<Mutex<HashMap<String, Name>>>,
    at_once: Arc<Semaphore>,
    lookup: Lookup,
}

impl Resolver {
    fn new(at_once: usize, lookup: Lookup) -> Self {
        Self { names: Arc::default(), at_once: Arc::new(Semaphore::new(at_once)), lookup }
    }

    async fn ask(&self, host: &str) -> LookupResult {
        let key = host.to_ascii_lowercase();
        let mut again = true;
        loop {
            let (pending_lookup, old) = {
                let mut names = lock(&self.names);
                forget_old(&mut names);
                let name = names.entry(key.clone()).or_default();
                if let Some((answer, at)) = &name.last {
                    let keeps = if answer.is_ok() { FRESH_FOR } else { RETRY_AFTER };
                    if at.elapsed() < keeps {
                        return answer.clone();
                    }
                }
                let pending_lookup = name.pending_lookup.get_or_insert_with(|| self.start_lookup(&key)).clone();
                (pending_lookup, name.good.clone().filter(|(_, at)| at.elapsed() < STALE_FOR))
            };
            let landed = match old {
                None => pending_lookup.await,
                Some((addresses, _)) => match tokio::time::timeout(HEDGE_DELAY, pending_lookup).await {
                    Ok(landed) => landed,
                    // The resolver hangs. What it said last is the best that is known.
                    Err(_) => return Ok(addresses),
                },
            };
            match landed {
                Some(answer) => return answer,
                // The runtime that asked is gone, as between two tests; the flight went with it.
                None if again => {
                    again = false;
                    if let Some(name) = lock(&self.names).get_mut(&key) {
                        name.pending_lookup = None;
                    }
                }
                None => return Err(Failed(Arc::new(io::Error::other("the lookup was interrupted")))),
            }
        }
    }

    /// Begins to ask for `key`. Goes on when whoever waits for it goes away.
    fn start_lookup(&self, key: &str) -> PendingLookup {
        let (names, at_once, lookup) = (Arc::clone(&self.names), Arc::clone(&self.at_once), self.lookup);
        let key = key.to_owned();
        let asks = async move {
            let _turn = at_once.acquire_owned().await.ok()?;
            let asked = key.clone();
            let answer = tokio::task::spawn_blocking(move || lookup(&asked)).await.ok()?;
            let answer = answer.map(Arc::from).map_err(|error| Failed(Arc::new(error)));
            let now = Instant::now();
            let mut names = lock(&names);
            let name = names.entry(key).or_default();
            if let Ok(addresses) = &answer {
                name.good = Some((Arc::clone(addresses), now));
            }
            name.last = Some((answer.clone(), now));
            name.pending_lookup = None;
            Some(answer)
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "ends by itself; a turn that nobody waits for must be given back"
        )]
        let pending_lookup = tokio::spawn(asks);
        async move { pending_lookup.await.ok().flatten() }.boxed().shared()
    }
}

fn forget_old(names: &mut HashMap<String, Name>) {
    if names.len() > MAX_ENTRIES {
        names.retain(|_, name| {
            name.pending_lookup.is_some() || name.last.as_ref().is_some_and(|(_, at)| at.elapsed() < STALE_FOR)
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same for reqwest.
pub(super) struct HttpResolver;

impl reqwest::dns::Resolve for HttpResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            // The port is filled in by who connects.
            let addresses = lookup(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_literal_address_asks_nobody() {
        for host in ["10.0.0.1", "::1", "[::1]"] {
            let found = lookup(host, 5432).await.expect("an address");
            assert_eq!((found.len(), found[0].port()), (1, 5432));
        }
    }

    #[tokio::test]
    async fn all_who_wait_for_one_name_share_one_question_and_its_answer_is_kept() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let resolver = Resolver::new(4, |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            Ok(vec![LOCAL])
        });
        let answers = join_all((0..100).map(|_| resolver.ask("PG-0"))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|found| **found == [LOCAL])));
        assert!(resolver.ask("pg-0").await.is_ok());
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_holds_few_threads_however_many_ask() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let resolver = Resolver::new(3, |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(700));
            Ok(vec![LOCAL])
        });
        let names: Vec<String> = (0..60).map(|number| format!("pg-{number}")).collect();
        let with_short_timeouts = |name| tokio::time::timeout(Duration::from_millis(100), resolver.ask(name));
        for _ in 0..3 {
            let answers = join_all(names.iter().map(|name| with_short_timeouts(name))).await;
            assert!(answers.iter().all(Result::is_err), "nobody waits longer than they like");
        }
        assert!(ASKED.load(Ordering::SeqCst) <= 3, "{ASKED:?}");
    }

    #[tokio::test]
    async fn what_was_known_stands_in_while_the_resolver_hangs_and_gives_way_to_its_answer() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let resolver = Resolver::new(3, |_| match ASKED.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![LOCAL]),
            _ => {
                std::thread::sleep(Duration::from_millis(600));
                Err(io::Error::other("Name or service not known"))
            }
        });
        assert!(resolver.ask("pg-0").await.is_ok());
        let past = Instant::now().checked_sub(FRESH_FOR + Duration::from_secs(1)).expect("a while ago");
        let age = |resolver: &Resolver| {
            lock(&resolver.names).get_mut("pg-0").expect("known").last.as_mut().expect("answered").1 = past;
        };
        age(&resolver);
        assert!(resolver.ask("pg-0").await.is_ok_and(|found| *found == [LOCAL]), "while it hangs");
        let began = Instant::now();
        while resolver.ask("pg-0").await.is_ok() {
            assert!(began.elapsed() < Duration::from_secs(20), "what the resolver says in the end counts");
        }
    }
}
