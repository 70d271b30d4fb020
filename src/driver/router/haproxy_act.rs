//! One order to one HAProxy, over the runtime API that is configured for acting.

use crate::action::intent::ServerState as Wanted;
use crate::action::order::RouterRequest;
use crate::client::haproxy_write::{RouterReply, RuntimeWriter, ServerState, Setting};
use crate::client::sending::Unanswered;
use crate::config::endpoint::RuntimeApi;
use crate::config::resolved::RouterSettings;
use crate::driver::port::{NotPerformed, Reply};
use crate::driver::trouble::source_error;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// Sends `request` to `router`, once, and tells what it answered and what the server's state reads back as.
pub(in crate::driver) async fn perform(
    router: &RouterSettings,
    request: &RouterRequest,
) -> Result<Reply, NotPerformed> {
    let Some(api) = &router.acting_runtime else {
        let words = "no runtime API for acting is configured ([clusters.NAME.routers.acting], runtime)";
        return Err(NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, router.name.as_str(), words)));
    };
    let endpoint = match api {
        RuntimeApi::Tcp(address) => address.clone(),
        RuntimeApi::Unix(path) => path.display().to_string(),
    };
    let writer = RuntimeWriter::new(api.clone(), router.timeouts);
    if let RouterRequest::EndDrain { backend, server } = request {
        let state = writer.state(backend.as_str(), server.as_str()).await;
        match state.map_err(|error| NotPerformed::NotSent(source_error(&endpoint, error.cause(), &error)))? {
            Some(state) if state.is_draining() => {}
            Some(state) => {
                let words = format!("not in drain by hand any more, left as it is: {}", state_words(state));
                return Ok(Reply { accepted: true, words: Text::redacted(words) });
            }
            None => {
                let words = format!("HAProxy tells no state of {backend}/{server}");
                return Ok(Reply { accepted: false, words: Text::redacted(words) });
            }
        }
    }
    let (backend, server, setting) = match request {
        RouterRequest::EndDrain { backend, server } => (backend, server, Setting::Ready),
        RouterRequest::State { backend, server, state } => (
            backend,
            server,
            match state {
                Wanted::Ready => Setting::Ready,
                Wanted::Drain => Setting::Drain,
                Wanted::Maintenance => Setting::Maintenance,
            },
        ),
        RouterRequest::Health { backend, server, up } => {
            (backend, server, if *up { Setting::HealthUp } else { Setting::HealthDown })
        }
    };
    match writer.set(backend.as_str(), server.as_str(), setting).await {
        Ok(reply) => Ok(told(&reply, setting)),
        Err(Unanswered::NotSent(error)) => Err(NotPerformed::NotSent(source_error(&endpoint, error.cause(), &error))),
        Err(Unanswered::NoAnswer(error)) => Err(NotPerformed::NoAnswer(source_error(&endpoint, error.cause(), &error))),
    }
}

fn told(reply: &RouterReply, setting: Setting) -> Reply {
    let (accepted, words) = match reply {
        RouterReply::Set(state) => (true, format!("{}; it reads back as {}", setting.words(), state_words(*state))),
        RouterReply::Ignored(state) => {
            (false, format!("HAProxy ignored \"{}\": it reads back as {}", setting.words(), state_words(*state)))
        }
        RouterReply::Unread => (true, format!("{}; it could not be read back", setting.words())),
        RouterReply::Refused(words) => (false, words.clone()),
    };
    Reply { accepted, words: Text::redacted(words) }
}

fn state_words(state: ServerState) -> String {
    let runs = match state.operational {
        0 => "down",
        1 => "starting",
        2 => "up",
        3 => "stopping",
        _ => "unknown",
    };
    match state.administrative {
        0 => runs.to_owned(),
        mask if mask & 0x01 != 0 => format!("{runs}, in maintenance by hand"),
        mask if mask & 0x26 != 0 => format!("{runs}, in maintenance by configuration"),
        mask if mask & 0x18 != 0 => format!("{runs}, draining"),
        mask => format!("{runs}, administrative state {mask:#x}"),
    }
}
