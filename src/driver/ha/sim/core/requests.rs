//! Requests that somebody waits for: what came of them, and those whose answer takes time.
//!
//! Answers are decided as the world moves, never by who asks for them, so that the world stays the same for everybody.

/// Answers nobody fetched are forgotten from this number on.
const MAX_ENTRIES: usize = 64;

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RequestResult {
    /// The far end's words, and whether it took the request; or else whether it may have begun all the same.
    Said { accepted: bool, may_happen: bool, text: String },
    /// Nothing listens: nothing was sent.
    Refused,
    /// No connection comes about, nor a refusal: nothing was sent.
    Unreachable,
    /// Nobody of that name: nothing was sent.
    Nobody,
    /// It says that it is starting up or shutting down: nothing was done.
    NotReady(&'static str),
    /// It is another than was meant: nothing was sent.
    Another(String),
    /// It cannot be asked for here: nothing was sent.
    Unsupported(&'static str),
    /// Sent, and never answered.
    Silence,
    /// Sent, and the connection closed without an answer.
    Closed,
}

impl RequestResult {
    /// An HTTP answer.
    pub(crate) fn status(status: u16, words: impl AsRef<str>) -> Self {
        let accepted = status < 300;
        let may_happen = !accepted && !(400..500).contains(&status);
        Self::Said { accepted, may_happen, text: format!("{status} {}", words.as_ref()) }
    }

    /// The words of a far end that has no statuses.
    pub(crate) fn result(accepted: bool, words: impl Into<String>) -> Self {
        Self::Said { accepted, may_happen: false, text: words.into() }
    }
}

/// Who keeps an open request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RequestOwner {
    /// PostgreSQL.
    Server,
    /// The manager.
    Manager,
}

/// By what an open request is asked after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestId {
    pub(crate) request_owner: RequestOwner,
    number: u64,
}

/// A request on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RequestState {
    /// Answered at once.
    Now(RequestResult),
    /// To be asked for by this.
    Later(RequestId),
}

/// An open request, and its answer once there is one.
#[derive(Clone, Debug)]
struct OpenRequest<W> {
    number: u64,
    /// Node that was asked.
    at: usize,
    wait: W,
    answer: Option<RequestResult>,
}

/// A connection that a request came over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RequestLine {
    Up,
    /// As long as the far end stands still.
    Silent,
    Closed,
}

/// The open requests of one desk; `W` is what they wait for.
#[derive(Clone, Debug)]
pub(crate) struct OpenRequests<W> {
    request_owner: RequestOwner,
    open: Vec<OpenRequest<W>>,
    called: u64,
}

impl<W: Clone> OpenRequests<W> {
    pub(crate) fn at(request_owner: RequestOwner) -> Self {
        Self { request_owner, open: Vec::new(), called: 0 }
    }

    /// Keeps a request open at a node.
    pub(crate) fn hold(&mut self, at: usize, wait: W) -> RequestState {
        self.called += 1;
        self.open.push(OpenRequest { number: self.called, at, wait, answer: None });
        if self.open.len() > MAX_ENTRIES {
            self.open.remove(0);
        }
        RequestState::Later(RequestId { request_owner: self.request_owner, number: self.called })
    }

    /// The answer to an open request, once; `None`: not yet.
    pub(crate) fn answer(&mut self, request_id: RequestId) -> Option<RequestResult> {
        let Some(place) = self.open.iter().position(|call| call.number == request_id.number) else {
            return Some(RequestResult::Closed);
        };
        self.open[place].answer.as_ref()?;
        self.open.remove(place).answer
    }

    /// Forgets an open request: whoever asked does not wait any more.
    pub(crate) fn hang_up(&mut self, request_id: RequestId) {
        self.open.retain(|call| call.number != request_id.number);
    }

    /// How many are open.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// One step of every open request: `line` tells how the connection to a node stands, `look` what there is to say.
    pub(crate) fn poll(
        &mut self,
        line: impl Fn(usize) -> RequestLine,
        mut look: impl FnMut(usize, &mut W) -> Option<RequestResult>,
    ) {
        for call in self.open.iter_mut().filter(|call| call.answer.is_none()) {
            call.answer = match line(call.at) {
                RequestLine::Up => look(call.at, &mut call.wait),
                RequestLine::Silent => None,
                RequestLine::Closed => Some(RequestResult::Closed),
            };
        }
    }
}
