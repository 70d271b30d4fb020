//! A double that stands before the REST interface of a real Patroni: it passes on whatever only looks, and misbehaves, as it
//! is told, with what changes something.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How it deals with a request that changes something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behaviour {
    /// Passes it on, and its answer back.
    Honest,
    /// Passes it on, and never answers.
    HangsAfter,
    /// Passes it on, and says that it is not available.
    RefusesAfter,
    /// Passes it on, and closes the connection.
    DiesAfter,
    /// Says that all went well, and passes nothing on.
    AcceptsWithoutEffect,
}

/// The double.
pub(crate) struct PatroniDouble {
    address: String,
    behaviour: Arc<Mutex<Behaviour>>,
    changes: Arc<Mutex<Vec<String>>>,
}

fn kept<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PatroniDouble {
    /// A double before the interface at `port` of this host, honest at first.
    pub(crate) fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (behaviour, changes) = (Arc::new(Mutex::new(Behaviour::Honest)), Arc::new(Mutex::new(Vec::new())));
        let (mannered, seen) = (Arc::clone(&behaviour), Arc::clone(&changes));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (behaviour, seen) = (Arc::clone(&mannered), Arc::clone(&seen));
                thread::spawn(move || serve(&client, port, &behaviour, &seen));
            }
        });
        Self { address, behaviour, changes }
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has it misbehave from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *kept(&self.behaviour) = behaviour;
    }

    /// Requests that were to change something, since the last time it was asked: method and path.
    pub(crate) fn changes(&self) -> Vec<String> {
        std::mem::take(&mut kept(&self.changes))
    }
}

fn serve(client: &TcpStream, port: u16, behaviour: &Mutex<Behaviour>, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().expect("a second handle"));
    let Some((head, body)) = request(&mut reader) else { return };
    let mut line = head.split(' ').take(2);
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let behaviour = if matches!(method, "GET" | "HEAD" | "OPTIONS") {
        Behaviour::Honest
    } else {
        kept(seen).push(format!("{method} {path}"));
        *kept(behaviour)
    };
    let answer = |status: &str, words: &str| {
        format!("HTTP/1.0 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{words}", words.len())
    };
    match behaviour {
        Behaviour::Honest => reply(client, &passed_on(port, &head, &body)),
        Behaviour::AcceptsWithoutEffect => reply(client, answer("200 OK", "Successfully done").as_bytes()),
        Behaviour::HangsAfter | Behaviour::RefusesAfter | Behaviour::DiesAfter => {
            let (head, body) = (head.clone(), body.clone());
            thread::spawn(move || passed_on(port, &head, &body));
            match behaviour {
                // Until the far end gives up.
                Behaviour::HangsAfter => drop(reader.read_to_end(&mut Vec::new())),
                Behaviour::RefusesAfter => reply(client, answer("503 Service Unavailable", "failed").as_bytes()),
                Behaviour::Honest | Behaviour::AcceptsWithoutEffect | Behaviour::DiesAfter => {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }
    // The far end may have gone first.
    let _ = client.shutdown(Shutdown::Both);
}

/// Head and body of a request; `None`: the connection ended first.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Patroni's answer; empty where it gave none. It answers in HTTP/1.0 and closes.
fn passed_on(port: u16, head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return answer };
    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok() {
        // What was read counts, however it ended.
        let _ = stream.read_to_end(&mut answer);
    }
    answer
}

fn reply(mut client: &TcpStream, answer: &[u8]) {
    // Nobody listening any more is no trouble.
    let _ = client.write_all(answer);
}
