//! A watch on what a server sends, before the library sees any of it: how it may ask who logs in, and how much it can make
//! this program hold. The library answers every question it understands, and keeps a message up to whatever length the
//! server claims for it.
//!
//! Source: the manual of PostgreSQL, "Frontend/Backend Protocol", "Message Formats".

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::config::libpq::{AuthMethod, AuthPolicy};

/// The largest message: a row of the largest answer is some kilobytes long.
const MAX_MESSAGE_SIZE: usize = 1 << 20;
/// The largest question about who logs in.
const MAX_AUTH_REQUEST_SIZE: usize = 8 << 10;
/// What settings a server reports by itself while a session lasts.
const MAX_STATUS_SIZE: usize = 256 << 10;
/// Most rounds of hashing that a proof of the password may take: they are done on the thread that also draws. PostgreSQL's
/// own default is 4 096.
const MAX_ROUNDS: u64 = 500_000;

/// Why nothing more is taken from a server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// It asks in a way that is not allowed.
    #[error("{}", Asked(.0))]
    Method(AuthMethod),
    /// It asks for a proof that would take for ever.
    #[error("the server requests {0} SCRAM iterations, more than {MAX_ROUNDS}")]
    Rounds(u64),
    /// It sends, or says that it will send, more than any honest answer holds.
    #[error("the server sends more than {0} bytes")]
    TooLarge(usize),
    /// What came is no message.
    #[error("a message of {0} bytes is invalid")]
    NoMessage(i32),
}

struct Asked<'a>(&'a AuthMethod);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AuthMethod::Password => f.write_str("the server requests the password in clear text; it was not sent"),
            AuthMethod::Md5 => f.write_str("the server requests an MD5 password; it was not sent"),
            AuthMethod::None => {
                f.write_str("the server requires no authentication (trust), which require_auth forbids")
            }
            method => write!(f, "the server requests {method}, which require_auth forbids"),
        }
    }
}

/// The backend's number as it is announced after login. The library keeps it to itself, and a pooler announces one of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct AnnouncedPid(Arc<OnceLock<i32>>);

impl AnnouncedPid {
    /// The number; `None`: nobody has announced one.
    pub(super) fn get(&self) -> Option<i32> {
        self.0.get().copied()
    }
}

/// What a server may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// In which ways it may ask who logs in.
    pub(super) auth: AuthPolicy,
    /// It has proven who it is, or it is this host.
    pub(super) proven: bool,
    /// The operator vouches for its address.
    pub(super) attested: bool,
    /// Most bytes of one answer.
    pub(super) answer: usize,
    /// Where the backend's number is put down.
    pub(super) announced: AnnouncedPid,
}

/// Where in the stream of messages the next byte belongs.
enum MessagePosition {
    /// The one byte that says whether there is TLS.
    Offer,
    /// The head of a message, of which so many bytes are there.
    Head([u8; 5], usize),
    /// The inside of a message with this tag, of which so many bytes are to come.
    Inside(u8, usize),
}

/// Reads along.
struct MessageInspector {
    bounds: Bounds,
    place: MessagePosition,
    /// A question about who logs in, as far as it is there.
    question: Vec<u8>,
    /// The method by which it has asked.
    asked: Option<AuthMethod>,
    let_in: bool,
    /// Bytes since the last answer ended.
    answer: usize,
    /// Bytes of settings that it reported.
    reports: usize,
    /// What it announces of its backend, as far as it is there.
    backend: Vec<u8>,
}

impl MessageInspector {
    fn new(bounds: Bounds, place: MessagePosition) -> Self {
        Self {
            bounds,
            place,
            question: Vec::new(),
            asked: None,
            let_in: false,
            answer: 0,
            reports: 0,
            backend: Vec::new(),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while let Some(first) = bytes.first() {
            match &mut self.place {
                MessagePosition::Offer => {
                    self.place = MessagePosition::Head([0; 5], 0);
                    bytes = &bytes[1..];
                }
                MessagePosition::Head(head, there) => {
                    head[*there] = *first;
                    *there += 1;
                    bytes = &bytes[1..];
                    if *there == head.len() {
                        let [tag, length @ ..] = *head;
                        self.begin(tag, i32::from_be_bytes(length))?;
                    }
                }
                MessagePosition::Inside(tag, left) => {
                    let (now, later) = bytes.split_at(bytes.len().min(*left));
                    let tag = *tag;
                    *left -= now.len();
                    let ended = *left == 0;
                    if tag == b'R' && !self.let_in {
                        self.question.extend_from_slice(now);
                    }
                    // Its number is the first four bytes; what follows is the key to cancel by.
                    if tag == b'K' {
                        let missing = 4usize.saturating_sub(self.backend.len());
                        self.backend.extend(now.iter().take(missing));
                    }
                    bytes = later;
                    if ended {
                        self.end(tag)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, tag: u8, length: i32) -> Result<(), Refusal> {
        // The length counts itself.
        let inside = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
        let inside = inside.ok_or(Refusal::NoMessage(length))?;
        let largest = match tag {
            b'R' => MAX_AUTH_REQUEST_SIZE,
            _ => MAX_MESSAGE_SIZE,
        };
        if inside > largest {
            return Err(Refusal::TooLarge(largest));
        }
        self.answer = self.answer.saturating_add(inside + 5);
        if self.answer > self.bounds.answer {
            return Err(Refusal::TooLarge(self.bounds.answer));
        }
        if tag == b'S' {
            self.reports = self.reports.saturating_add(inside + 5);
            if self.reports > MAX_STATUS_SIZE {
                return Err(Refusal::TooLarge(MAX_STATUS_SIZE));
            }
        }
        self.place = MessagePosition::Inside(tag, inside);
        if inside == 0 { self.end(tag) } else { Ok(()) }
    }

    fn end(&mut self, tag: u8) -> Result<(), Refusal> {
        self.place = MessagePosition::Head([0; 5], 0);
        match tag {
            b'R' if !self.let_in => {
                let question = std::mem::take(&mut self.question);
                self.judge(&question)
            }
            b'K' => {
                if let Ok(number) = <[u8; 4]>::try_from(self.backend.as_slice()) {
                    self.bounds.announced.0.get_or_init(|| i32::from_be_bytes(number));
                }
                Ok(())
            }
            b'Z' => {
                self.answer = 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether a question about who logs in may be answered.
    fn judge(&mut self, question: &[u8]) -> Result<(), Refusal> {
        let Some((code, rest)) = question.split_first_chunk::<4>() else { return Ok(()) };
        let method = match u32::from_be_bytes(*code) {
            0 => {
                self.let_in = true;
                if self.asked.is_some() {
                    return Ok(());
                }
                AuthMethod::None
            }
            3 => AuthMethod::Password,
            5 => AuthMethod::Md5,
            7 | 8 => AuthMethod::Gss,
            9 => AuthMethod::Sspi,
            10 => AuthMethod::ScramSha256,
            11 => return rounds(rest),
            // The end of SCRAM, or what the library does not know and refuses.
            _ => return Ok(()),
        };
        self.asked = Some(method);
        let Bounds { auth, proven, attested, .. } = &self.bounds;
        if auth.allows(method, *proven, *attested) { Ok(()) } else { Err(Refusal::Method(method)) }
    }
}

/// The iteration count in `r=...,s=...,i=4096`.
fn rounds(challenge: &[u8]) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(challenge);
    let rounds = text.split(',').find_map(|part| part.strip_prefix("i="));
    match rounds.and_then(|rounds| rounds.parse::<u64>().ok()) {
        Some(rounds) if rounds > MAX_ROUNDS => Err(Refusal::Rounds(rounds)),
        _ => Ok(()),
    }
}

/// A stream that is watched.
pub(super) struct InspectedStream<S> {
    inner: S,
    watch: MessageInspector,
}

impl<S> InspectedStream<S> {
    /// Watches `inner`, on which the messages begin at once.
    pub(super) fn plain(inner: S, bounds: Bounds) -> Self {
        Self { inner, watch: MessageInspector::new(bounds, MessagePosition::Head([0; 5], 0)) }
    }

    /// Watches `inner`, on which the server says first whether it has TLS.
    pub(super) fn offered(inner: S, bounds: Bounds) -> Self {
        Self { inner, watch: MessageInspector::new(bounds, MessagePosition::Offer) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InspectedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let taken = self.watch.take(&buf.filled()[before..]);
        Poll::Ready(taken.map_err(|refusal| io::Error::new(io::ErrorKind::InvalidData, refusal)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InspectedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for InspectedStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// Makes the TLS of a watched stream; what goes through it is watched by `bounds` from then on.
pub(super) struct InspectedTls<C> {
    pub(super) inner: C,
    pub(super) bounds: Bounds,
}

impl<S, C> TlsConnect<InspectedStream<S>> for InspectedTls<C>
where
    S: Send + 'static,
    C: TlsConnect<S> + Send + 'static,
    C::Stream: Unpin + Send,
    C::Future: Send,
{
    type Stream = InspectedStream<C::Stream>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, C::Error>> + Send>>;

    fn connect(self, stream: InspectedStream<S>) -> Self::Future {
        let Self { inner, bounds } = self;
        let connecting = inner.connect(stream.inner);
        Box::pin(async move { Ok(InspectedStream::plain(connecting.await?, bounds)) })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn bounds(auth: AuthPolicy) -> Bounds {
        Bounds { auth, proven: false, attested: false, answer: 4096, announced: AnnouncedPid::default() }
    }

    fn watch(auth: AuthPolicy) -> MessageInspector {
        MessageInspector::new(bounds(auth), MessagePosition::Head([0; 5], 0))
    }

    fn message(tag: u8, inside: &[u8]) -> Vec<u8> {
        let length = i32::try_from(inside.len() + 4).expect("short").to_be_bytes();
        [&[tag], &length[..], inside].concat()
    }

    fn question(code: u32, rest: &[u8]) -> Vec<u8> {
        message(b'R', &[&code.to_be_bytes()[..], rest].concat())
    }

    #[rstest]
    #[case::clear(question(3, &[]), Some(AuthMethod::Password))]
    #[case::md5(question(5, b"salt"), Some(AuthMethod::Md5))]
    #[case::scram(question(10, b"SCRAM-SHA-256\0\0"), None)]
    #[case::let_in(question(0, &[]), None)]
    fn a_password_is_asked_for_byte_by_byte_and_refused_before_the_last(
        #[case] question: Vec<u8>,
        #[case] refused: Option<AuthMethod>,
    ) {
        let mut watch = watch(AuthPolicy::Guarded);
        let (last, head) = question.split_last().expect("bytes");
        for byte in head {
            assert_eq!(watch.take(&[*byte]), Ok(()), "the library cannot read it yet");
        }
        assert_eq!(watch.take(&[*last]).err(), refused.map(Refusal::Method));
    }

    #[test]
    fn what_require_auth_asks_for_is_asked_of_the_server_too() {
        let only = || watch(AuthPolicy::parse("scram-sha-256").expect("methods"));
        assert_eq!(only().take(&question(0, &[])), Err(Refusal::Method(AuthMethod::None)));
        let whole = [question(10, b"SCRAM-SHA-256\0\0"), question(11, b"r=a,s=b,i=4096"), question(12, b"v=c")];
        let whole = [whole.concat(), question(0, &[]), message(b'Z', b"I")].concat();
        assert_eq!(only().take(&whole), Ok(()), "let in after the proof");
    }

    #[test]
    fn the_number_of_the_backend_is_the_first_that_is_announced() {
        let mut watch = watch(AuthPolicy::Guarded);
        let announced = watch.bounds.announced.clone();
        let key = |number: i32| message(b'K', &[&number.to_be_bytes()[..], &[7; 32]].concat());
        for byte in [question(0, &[]), key(4711), key(1), message(b'Z', b"I")].concat() {
            assert_eq!(watch.take(&[byte]), Ok(()));
        }
        assert_eq!(announced.get(), Some(4711));
    }

    #[test]
    fn a_second_question_after_the_first_is_judged_too() {
        let mut watch = watch(AuthPolicy::Guarded);
        assert_eq!(watch.take(&question(10, b"SCRAM-SHA-256\0\0")), Ok(()));
        assert_eq!(watch.take(&question(3, &[])), Err(Refusal::Method(AuthMethod::Password)));
    }

    #[test]
    fn a_proof_that_takes_for_ever_is_not_begun() {
        let mut watch = watch(AuthPolicy::Guarded);
        let challenge = question(11, b"r=abc,s=def,i=4000000000");
        assert_eq!(watch.take(&challenge), Err(Refusal::Rounds(4_000_000_000)));
    }

    #[test]
    fn a_claimed_length_is_refused_before_anything_of_it_is_kept() {
        let mut huge = vec![b'D'];
        huge.extend_from_slice(&i32::MAX.to_be_bytes());
        assert_eq!(watch(AuthPolicy::Guarded).take(&huge), Err(Refusal::TooLarge(MAX_MESSAGE_SIZE)));
        for length in [-1, 0, 3] {
            let head = [&[b'D'][..], &i32::to_be_bytes(length)].concat();
            assert_eq!(watch(AuthPolicy::Guarded).take(&head), Err(Refusal::NoMessage(length)));
        }
    }

    #[test]
    fn rows_without_end_are_refused_and_answers_one_after_another_are_not() {
        let row = message(b'D', &[0; 1000]);
        let answer = [row.as_slice(), &row, &message(b'Z', b"I")].concat();
        let mut patient = watch(AuthPolicy::Guarded);
        for _ in 0..100 {
            assert_eq!(patient.take(&answer), Ok(()));
        }
        let mut flooded = watch(AuthPolicy::Guarded);
        let taken: Vec<_> = (0..5).map(|_| flooded.take(&row)).collect();
        assert_eq!(taken.last(), Some(&Err(Refusal::TooLarge(4096))));
    }

    #[test]
    fn settings_reported_without_end_are_refused_however_slowly_they_come() {
        let mut watch = watch(AuthPolicy::Guarded);
        let report = [message(b'S', &[b'x'; 2000]), message(b'Z', b"I")].concat();
        let refused = (0..1000).find_map(|_| watch.take(&report).err());
        assert_eq!(refused, Some(Refusal::TooLarge(MAX_STATUS_SIZE)));
    }
}
