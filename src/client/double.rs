//! Doubles of servers, for tests: what a well-behaved mock library cannot do. Each serves loopback until the test ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::config::audience::Audience;
use crate::config::endpoint::{HttpEndpoint, Timeouts, TlsSettings};

/// An HTTP endpoint at `address` with generous deadlines.
pub(crate) fn endpoint(url: impl Into<String>) -> HttpEndpoint {
    let patient = Timeouts { connect: Duration::from_secs(10), request: Duration::from_secs(10) };
    HttpEndpoint {
        url: url.into(),
        login: None,
        audience: Audience::Named,
        tls: TlsSettings::default(),
        timeouts: patient,
    }
}

/// The same with deadlines that run out at once.
pub(crate) fn with_short_timeouts(mut endpoint: HttpEndpoint) -> HttpEndpoint {
    endpoint.timeouts = Timeouts { connect: Duration::from_millis(100), request: Duration::from_millis(100) };
    endpoint
}

/// An address where nothing listens.
pub(crate) fn refused() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// A server that accepts and never says a word: a frozen process.
pub(crate) fn silent() -> String {
    serve(|stream, kept| kept.push(stream))
}

/// A server that reads a request and answers with `bytes`, as they are, then closes.
pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    answering_by(move |_| bytes.clone())
}

/// A server that answers as `answer` says to the text of the request, then closes.
pub(crate) fn answering_by(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    serve(move |mut stream, _| {
        let request = read_request(&mut stream);
        // The client may have gone: that is its right.
        drop(stream.write_all(&answer(&request)));
    })
}

/// A PostgreSQL that refuses every password.
pub(crate) fn wrong_password() -> String {
    refusing_sql("28P01", "password authentication failed for user \"monitor\"")
}

/// A PostgreSQL that refuses every login with this SQLSTATE and these words.
pub(crate) fn refusing_sql(code: &'static str, words: &'static str) -> String {
    serve(move |mut stream, _| {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let rest = u32::from_be_bytes(length).saturating_sub(4) as usize;
        drop(stream.read_exact(&mut vec![0; rest.min(10_000)]));
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{words}\0\0");
        let mut answer = vec![b'E'];
        answer.extend(u32::try_from(fields.len() + 4).unwrap_or(0).to_be_bytes());
        answer.extend(fields.as_bytes());
        drop(stream.write_all(&answer));
    })
}

/// A PostgreSQL that asks who logs in by `question`, a code with what belongs to it, and passes on what it is told then.
pub(crate) fn asking_for_a_password(question: &[u8]) -> (String, mpsc::Receiver<Vec<u8>>) {
    let mut asked = vec![b'R'];
    asked.extend(u32::try_from(question.len() + 4).unwrap_or(0).to_be_bytes());
    asked.extend(question);
    let (sender, said) = mpsc::channel();
    let address = serve(move |mut stream, _| {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let rest = u32::from_be_bytes(length).saturating_sub(4) as usize;
        drop(stream.read_exact(&mut vec![0; rest.min(10_000)]));
        drop(stream.write_all(&asked));
        // At most the password and its frame: whoever sent it waits for an answer.
        let mut reported = vec![0; 13];
        let read = stream.read(&mut reported).unwrap_or(0);
        reported.truncate(read);
        drop(sender.send(reported));
    });
    (address, said)
}

/// A server that answers with `head` and then `filling` for ever, and counts what it sent.
pub(crate) fn endless(head: &'static str, filling: &'static str) -> (String, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let address = serve(move |mut stream, _| {
        read_request(&mut stream);
        let chunk = filling.repeat(64 * 1024 / filling.len() + 1);
        let mut alive = stream.write_all(head.as_bytes()).is_ok();
        while alive {
            alive = stream.write_all(chunk.as_bytes()).is_ok();
            count.fetch_add(chunk.len(), Ordering::Relaxed);
        }
    });
    (address, sent)
}

fn serve(mut each: impl FnMut(TcpStream, &mut Vec<TcpStream>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            each(stream, &mut kept);
        }
    });
    address
}

/// Reads to the end of an HTTP head and of the body that it announces, or of a single line without a head.
fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        request.push(byte[0]);
        let http = [&b"GET "[..], b"POST ", b"PATCH ", b"DELETE "].iter().any(|verb| request.starts_with(verb));
        if request.ends_with(b"\r\n\r\n") || (!http && request.ends_with(b"\n")) {
            break;
        }
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let announced = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; announced.and_then(|length| length.parse().ok()).unwrap_or(0)];
    // A client may break off.
    drop(stream.read_exact(&mut body));
    request.extend(body);
    String::from_utf8_lossy(&request).into_owned()
}
