//! One order to one HAProxy, over the runtime API that is configured for acting.

use crate::action::intent::ServerState as Wanted;
use crate::action::order::RouterRequest;
use crate::client::haproxy_runtime::RuntimeError;
use crate::client::haproxy_write::{DrainEnded, RouterReply, RuntimeWriter, ServerState, Setting};
use crate::client::sending::Unanswered;
use crate::config::endpoint::RuntimeApi;
use crate::config::resolved::RouterSettings;
use crate::driver::port::{NotPerformed, Reply, Still, not_any_more};
use crate::driver::trouble::source_error;
use crate::model::source::{SourceError, Trouble};

/// Sends `request` to `router`, once, and tells what it answered and what the server's state reads back as.
pub(in crate::driver) async fn perform(
    router: &RouterSettings,
    request: &RouterRequest,
) -> Result<Reply, NotPerformed> {
    perform_while(router, request, &|| true).await
}

/// The same, if `still` agrees when the connection stands.
pub(in crate::driver) async fn perform_while(
    router: &RouterSettings,
    request: &RouterRequest,
    still: Still<'_>,
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
    let unanswered = |error: &Unanswered<RuntimeError>| {
        let told = source_error(&endpoint, error.error().cause(), error.error());
        match error {
            Unanswered::NotSent(_) => NotPerformed::NotSent(told),
            Unanswered::NoAnswer(_) => NotPerformed::NoAnswer(told),
        }
    };
    let (backend, server, setting) = match request {
        RouterRequest::EndDrain { backend, server } => {
            let ended = writer.end_drain(backend.as_str(), server.as_str()).await;
            return ended.map(|ended| drain_ended(&ended)).map_err(|error| unanswered(&error));
        }
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
    match writer.set(backend.as_str(), server.as_str(), setting, still).await {
        Ok(Some(reply)) => Ok(told(&reply, setting)),
        Ok(None) => Err(not_any_more(router.name.as_str())),
        Err(error) => Err(unanswered(&error)),
    }
}

fn drain_ended(ended: &DrainEnded) -> Reply {
    match ended {
        DrainEnded::Ready(state) => Reply::accepted(format!("state ready; it reads back as {}", state_words(*state))),
        DrainEnded::NotDrained(state) => {
            Reply::accepted(format!("not in drain by hand any more, left as it is: {}", state_words(*state)))
        }
        DrainEnded::Gone => Reply::accepted("HAProxy has no such server any more: nothing is left to be taken back"),
        DrainEnded::Overtaken { put_back: true } => {
            Reply::accepted("put in maintenance by another hand in that very moment, and put back there")
        }
        DrainEnded::Overtaken { put_back: false } => Reply::in_doubt(
            "put in maintenance by another hand in that very moment, which this has ended: put it back there by hand",
        ),
        DrainEnded::Unread => Reply::in_doubt("sent; its state could not be read back"),
        DrainEnded::Refused(words) => Reply::refused(words),
    }
}

fn told(reply: &RouterReply, setting: Setting) -> Reply {
    match reply {
        RouterReply::Set(state) => {
            Reply::accepted(format!("{}; it reads back as {}", setting.words(), state_words(*state)))
        }
        RouterReply::Ignored(state) => {
            Reply::refused(format!("HAProxy ignored \"{}\": it reads back as {}", setting.words(), state_words(*state)))
        }
        RouterReply::Unread => Reply::accepted(format!("{}; it could not be read back", setting.words())),
        RouterReply::Refused(words) => Reply::refused(words),
    }
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
