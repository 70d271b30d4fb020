//! Secrets in use: fetched once, kept until a server refuses them, and shared by all who log in with the same one.
//!
//! A password command may take longer than one observation is given. So a fetch does not end with whoever waited for
//! it: the next one to ask goes on waiting for the same fetch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, Shared};
use secrecy::{ExposeSecret, SecretString};

use crate::client::secret::{self, SecretError};
use crate::config::endpoint::SecretSource;

/// A command is not run again sooner than this after its last run, though the secret was refused: it may be slow, or be
/// audited. A file or a variable is looked at at once.
const COMMAND_PAUSE: Duration = Duration::from_secs(60);

/// Those in use by anybody in this process.
static IN_USE: Mutex<Vec<Weak<KeptSecret>>> = Mutex::new(Vec::new());

/// The secret from `source`: one for all who ask for the same source, forgotten with the last of them. Nothing is
/// fetched yet.
pub fn kept(source: &SecretSource) -> Arc<KeptSecret> {
    let mut in_use = lock(&IN_USE);
    in_use.retain(|kept| kept.strong_count() > 0);
    if let Some(known) = in_use.iter().filter_map(Weak::upgrade).find(|kept| kept.source == *source) {
        return known;
    }
    let new = Arc::new(KeptSecret { source: source.clone(), state: Mutex::new(State::NotAttempted) });
    in_use.push(Arc::downgrade(&new));
    new
}

/// A secret with the way of having it.
pub struct KeptSecret {
    source: SecretSource,
    state: Mutex<State>,
}

type Fetch = Shared<BoxFuture<'static, Result<SecretString, Arc<SecretError>>>>;

enum State {
    NotAttempted,
    Fetching(Fetch),
    Known { secret: SecretString, at: Instant, refused: bool },
}

impl KeptSecret {
    /// The secret. May be dropped while it waits; the fetch is kept.
    ///
    /// # Errors
    /// When it cannot be had; the next call tries anew.
    pub async fn get(&self) -> Result<SecretString, Arc<SecretError>> {
        let fetch = {
            let mut state = lock(&self.state);
            match &*state {
                State::Known { secret, at, refused } if !refused || !self.may_ask_again(*at) => {
                    return Ok(secret.clone());
                }
                State::Fetching(fetch) => fetch.clone(),
                State::Known { .. } | State::NotAttempted => {
                    let fetch = self.fetch();
                    *state = State::Fetching(fetch.clone());
                    fetch
                }
            }
        };
        let outcome = fetch.clone().await;
        let mut state = lock(&self.state);
        // Of several who waited the first one settles it.
        if matches!(&*state, State::Fetching(current) if current.ptr_eq(&fetch)) {
            *state = match &outcome {
                Ok(secret) => State::Known { secret: secret.clone(), at: Instant::now(), refused: false },
                Err(_) => State::NotAttempted,
            };
        }
        outcome
    }

    /// A server refused `secret`: it is fetched anew next time, unless that has happened already.
    pub fn mark_rejected(&self, secret: &SecretString) {
        if let State::Known { secret: known, refused, .. } = &mut *lock(&self.state)
            && known.expose_secret() == secret.expose_secret()
        {
            *refused = true;
        }
    }

    fn may_ask_again(&self, at: Instant) -> bool {
        match self.source {
            SecretSource::File(_) | SecretSource::Environment(_) => true,
            SecretSource::Command(_) => at.elapsed() >= COMMAND_PAUSE,
        }
    }

    fn fetch(&self) -> Fetch {
        let source = self.source.clone();
        async move { secret::fetch(&source).await.map_err(Arc::new) }.boxed().shared()
    }
}

impl fmt::Debug for KeptSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSecret").field("source", &self.source).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::Path;

    use futures::future::join;

    use super::*;

    /// A command that notes each of its runs in `runs`, and takes its time.
    fn slow(runs: &Path) -> SecretSource {
        let script = format!("echo run >> '{}'; sleep 0.3; echo s3cret", runs.display());
        SecretSource::Command(["sh", "-c", &script].map(str::to_owned).to_vec())
    }

    fn runs(file: &Path) -> usize {
        std::fs::read_to_string(file).unwrap_or_default().lines().count()
    }

    #[tokio::test]
    async fn a_command_slower_than_every_one_who_waits_still_ends_and_runs_once() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let secret = kept(&slow(file.path()));
        let mut waits = 0;
        let word = loop {
            waits += 1;
            assert!(waits < 100, "never had");
            if let Ok(word) = tokio::time::timeout(Duration::from_millis(50), secret.get()).await {
                break word.expect("a secret");
            }
        };
        assert!(waits > 2, "the command was meant to be slow");
        assert_eq!((word.expose_secret(), runs(file.path())), ("s3cret", 1));
    }

    #[tokio::test]
    async fn all_who_need_the_same_secret_share_one_fetch() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let (one, other) = (kept(&slow(file.path())), kept(&slow(file.path())));
        let (first, second) = join(one.get(), other.get()).await;
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(runs(file.path()), 1);
    }

    #[tokio::test]
    async fn a_refused_secret_is_read_again_from_a_file_and_a_command_is_spared() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let write = |text: &str| std::fs::write(file.path(), text).expect("written");
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).expect("mode");
        write("old\n");
        let secret = kept(&SecretSource::File(file.path().to_owned()));
        let old = secret.get().await.expect("a secret");
        write("new\n");
        assert_eq!(secret.get().await.expect("a secret").expose_secret(), "old", "kept while it works");
        secret.mark_rejected(&old);
        assert_eq!(secret.get().await.expect("a secret").expose_secret(), "new");
        secret.mark_rejected(&old);
        write("newer\n");
        assert_eq!(secret.get().await.expect("a secret").expose_secret(), "new", "an old refusal says nothing of it");

        let noted = tempfile::NamedTempFile::new().expect("a file");
        let command = kept(&slow(noted.path()));
        let word = command.get().await.expect("a secret");
        command.mark_rejected(&word);
        assert!(command.get().await.is_ok());
        assert_eq!(runs(noted.path()), 1, "not again within a minute");
    }

    #[tokio::test]
    async fn a_failed_fetch_is_tried_again_by_the_next() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let script = format!("echo run >> '{}'; exit 1", file.path().display());
        let secret = kept(&SecretSource::Command(["sh", "-c", &script].map(str::to_owned).to_vec()));
        assert!(secret.get().await.is_err() && secret.get().await.is_err());
        assert_eq!(runs(file.path()), 2);
    }
}
