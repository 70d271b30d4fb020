//! PostgreSQL's wire, as much of it as a session for looking uses: any login is let in, every statement of the console's
//! list is answered in the binary format.

use std::collections::HashMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::world::{Node, World};

/// A column's value.
enum Value {
    Int4(i32),
    Int8(i64),
    Float8(f64),
    Bool(bool),
    Text(String),
    /// Microseconds since 2000.
    Time(i64),
    Null(u32),
}

use Value::{Bool, Float8, Int4, Int8, Null, Text, Time};

const INT4: u32 = 23;
const INT8: u32 = 20;
const FLOAT8: u32 = 701;
const BOOL: u32 = 16;
const TEXT: u32 = 25;
const TIME: u32 = 1184;
const INT4_ARRAY: u32 = 1007;
const TEXT_ARRAY: u32 = 1009;

impl Value {
    fn oid(&self) -> u32 {
        match self {
            Int4(_) => INT4,
            Int8(_) => INT8,
            Float8(_) => FLOAT8,
            Bool(_) => BOOL,
            Text(_) => TEXT,
            Time(_) => TIME,
            Null(oid) => *oid,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        let bytes = match self {
            Int4(number) => number.to_be_bytes().to_vec(),
            Int8(number) | Time(number) => number.to_be_bytes().to_vec(),
            Float8(number) => number.to_be_bytes().to_vec(),
            Bool(flag) => vec![u8::from(*flag)],
            Text(text) => text.as_bytes().to_vec(),
            Null(_) => return out.extend((-1_i32).to_be_bytes()),
        };
        out.extend((bytes.len() as u32).to_be_bytes());
        out.extend(bytes);
    }
}

/// What a statement gives: the types of its columns, and its rows.
struct Answer {
    types: Vec<u32>,
    rows: Vec<Vec<Value>>,
}

fn rows(rows: Vec<Vec<Value>>) -> Answer {
    Answer { types: rows[0].iter().map(Value::oid).collect(), rows }
}

fn none(types: &[u32]) -> Answer {
    Answer { types: types.to_vec(), rows: Vec::new() }
}

fn text(text: impl Into<String>) -> Value {
    Text(text.into())
}

/// The answer to a statement of the console's list.
fn answer(sql: &str, node: Node, world: &World) -> Answer {
    let now = Time(World::now_micros());
    let at = world.position(node.cluster);
    let lsn = || text(format!("{:X}/{:X}", at >> 32, at & 0xFFFF_FFFF));
    let begins = |head: &str| sql.starts_with(head);
    let is = |part: &str| sql.contains(part);
    if is("server_version_num") {
        return rows(vec![vec![
            Int4(170_002),
            Time(1_000_000),
            text(World::scope(node.cluster)),
            Int4(100),
            Int4(3),
            text("17.2"),
            text(node.address().to_string()),
            Int4(5432),
        ]]);
    }
    if begins("SELECT system_identifier") {
        return rows(vec![vec![text(World::system_id(node.cluster))]]);
    }
    if begins("SELECT recovering, clock_timestamp()") {
        let leads = node.leads();
        let of = |yes: bool, value: Value| if yes { value } else { Null(value.oid()) };
        return rows(vec![vec![
            Bool(!leads),
            now,
            Bool(true),
            text(""),
            of(leads, lsn()),
            of(leads, text("00000001")),
            of(!leads, lsn()),
            of(!leads, lsn()),
            of(!leads, Time(World::now_micros())),
            of(!leads, Bool(false)),
            of(!leads, Float8(0.0)),
            Float8(0.0),
            Null(FLOAT8),
            Float8(60.0),
            Null(FLOAT8),
        ]]);
    }
    if is("FROM pg_stat_wal_receiver") {
        let types = [TEXT, INT4, TEXT, INT4, TEXT, TEXT, FLOAT8];
        if node.leads() {
            return none(&types);
        }
        let leader = Node { number: 0, ..node }.address().to_string();
        let slot = format!("pg_{}", node.number);
        return rows(vec![vec![text("streaming"), Int4(1), text(leader), Int4(5432), text(slot), lsn(), Float8(0.3)]]);
    }
    if is("FROM pg_stat_replication") {
        let standby = |number: i32| {
            vec![
                Int4(100 + number),
                text(format!("pg-{number}")),
                text("replicator"),
                text(Node { number: number as u8, ..node }.address().to_string()),
                text("streaming"),
                text("async"),
                Int8(0),
                Int8(0),
                Int8(0),
                Int8(0),
                Null(FLOAT8),
                Null(FLOAT8),
                Null(FLOAT8),
                Float8(0.5),
                Time(2_000_000),
            ]
        };
        let mut all = rows(vec![standby(1), standby(2)]);
        if !node.leads() {
            all.rows.clear();
        }
        return all;
    }
    if is("FROM pg_replication_slots") {
        let slot = |number: i32| {
            vec![
                text(format!("pg_{number}")),
                text("physical"),
                Bool(node.leads()),
                if node.leads() { Int4(100 + number) } else { Null(INT4) },
                Null(TEXT),
                Bool(false),
                text("reserved"),
                Int8(0),
                Null(INT8),
                Null(TIME),
                Bool(false),
                Null(TEXT),
                lsn(),
                Null(TEXT),
            ]
        };
        let others = (0..3).filter(|number| *number != i32::from(node.number));
        return rows(others.map(slot).collect());
    }
    if is("FROM pg_stat_archiver") {
        return rows(vec![vec![text("off"), Null(TEXT), Null(TIME), Null(TEXT), Null(TIME), Int8(0), Bool(false)]]);
    }
    if is("pg_ls_archive_statusdir") {
        return none(&[INT8]);
    }
    if begins("SELECT count(*)::int4") {
        return rows(vec![vec![Int4(12), Int4(2), Int4(9), Int4(1), Int4(0)]]);
    }
    if begins("SELECT pid, usename::text, application_name, extract") {
        return rows(vec![vec![Int4(501), text("app"), text("payments"), Float8(0.4)]]);
    }
    if is("pg_prepared_xacts") {
        return none(&[INT4, TEXT, TEXT, FLOAT8]);
    }
    if is("FROM pg_database") {
        return rows(vec![vec![text("app"), Int8(40_000_000), Int8(200_000_000)]]);
    }
    if is("WHERE pending_restart") {
        return none(&[TEXT]);
    }
    if is("pg_conf_load_time") {
        return rows(vec![vec![Time(3_000_000)]]);
    }
    if is("pg_control_checkpoint") {
        return if node.leads() { rows(vec![vec![Int8(4_000_000)]]) } else { none(&[INT8]) };
    }
    if is("pg_stat_progress_basebackup") {
        return none(&[INT4, TEXT, INT8, INT8]);
    }
    if is("PARTITION BY kind") {
        let session = |pid: i32| {
            vec![
                Int4(pid),
                text("app"),
                text("app"),
                text("payments"),
                text("10.1.2.3"),
                text("active"),
                Null(TEXT),
                Null(TEXT),
                Time(4_000_000),
                Float8(0.4),
                Float8(0.2),
                Null(INT4_ARRAY),
                Null(FLOAT8),
                text(
                    "SELECT id, amount, booked_at FROM transactions WHERE account_id = $1 ORDER BY booked_at DESC LIMIT 50",
                ),
            ]
        };
        return rows(vec![session(501), session(502), session(503)]);
    }
    if is("GROUP BY application_name") {
        let load = |name: &str| vec![text(name), Int4(4), Int4(1), Int4(0)];
        return rows(vec![load("payments"), load("ledger"), load("reports")]);
    }
    if is("FROM pg_settings ORDER BY") {
        let setting = |number: i32| {
            let mut row = vec![text(format!("setting_{number:03}")), text("64"), Null(TEXT), text("integer")];
            row.extend([text("sighup"), text("default"), text("0"), text("1000"), Null(TEXT_ARRAY), text("64")]);
            row.push(Bool(false));
            row
        };
        return rows((0..350).map(setting).collect());
    }
    none(&[TEXT])
}

fn message(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let start = out.len();
    out.extend([0; 4]);
    body(out);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn describe(out: &mut Vec<u8>, types: &[u32]) {
    message(out, b'T', |out| {
        out.extend((types.len() as u16).to_be_bytes());
        for oid in types {
            out.extend(b"c\0");
            out.extend(0_u32.to_be_bytes());
            out.extend(0_u16.to_be_bytes());
            out.extend(oid.to_be_bytes());
            out.extend((-1_i16).to_be_bytes());
            out.extend((-1_i32).to_be_bytes());
            out.extend(1_u16.to_be_bytes());
        }
    });
}

/// The text up to the next zero, and what comes after it.
fn split(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default())
}

/// Serves one session to its end.
pub(crate) async fn serve(stream: TcpStream, node: Node, world: &World) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    loop {
        let length = stream.read_u32().await.ok()?;
        let mut startup = vec![0; length.saturating_sub(4) as usize];
        stream.read_exact(&mut startup).await.ok()?;
        // A request for TLS is declined; the next is the startup itself.
        if startup.get(..4) != Some(&80_877_103_u32.to_be_bytes()) {
            break;
        }
        stream.write_all(b"N").await.ok()?;
    }
    let mut out = Vec::new();
    message(&mut out, b'R', |out| out.extend(0_u32.to_be_bytes()));
    message(&mut out, b'S', |out| out.extend(b"server_version\x0017.2\0"));
    message(&mut out, b'S', |out| out.extend(b"client_encoding\0UTF8\0"));
    message(&mut out, b'Z', |out| out.push(b'I'));
    stream.write_all(&out).await.ok()?;
    let mut statements: HashMap<String, String> = HashMap::new();
    let mut bound = String::new();
    out.clear();
    let mut body = Vec::new();
    loop {
        let kind = stream.read_u8().await.ok()?;
        let length = stream.read_u32().await.ok()?.saturating_sub(4) as usize;
        body.resize(length, 0);
        stream.read_exact(&mut body).await.ok()?;
        match kind {
            b'P' => {
                let (name, rest) = split(&body);
                statements.insert(name.to_owned(), split(rest).0.to_owned());
                message(&mut out, b'1', |_| ());
            }
            b'D' => {
                let (name, _) = split(&body[1..]);
                let sql = if body[0] == b'S' { statements.get(name) } else { Some(&bound) };
                let types = answer(sql.map_or("", String::as_str), node, world).types;
                if body[0] == b'S' {
                    message(&mut out, b't', |out| out.extend(0_u16.to_be_bytes()));
                }
                describe(&mut out, &types);
            }
            b'B' => {
                let (_, rest) = split(&body);
                bound = statements.get(split(rest).0).cloned().unwrap_or_default();
                message(&mut out, b'2', |_| ());
            }
            b'E' => {
                let reported = answer(&bound, node, world);
                for row in &reported.rows {
                    message(&mut out, b'D', |out| {
                        out.extend((row.len() as u16).to_be_bytes());
                        for value in row {
                            value.put(out);
                        }
                    });
                }
                message(&mut out, b'C', |out| out.extend(format!("SELECT {}\0", reported.rows.len()).bytes()));
            }
            b'S' => {
                message(&mut out, b'Z', |out| out.push(b'I'));
                world.count_statement();
            }
            b'C' => message(&mut out, b'3', |_| ()),
            b'X' => return None,
            _ => {}
        }
        // What is asked together is answered together.
        if kind == b'S' && stream.buffer().is_empty() {
            stream.write_all(&out).await.ok()?;
            out.clear();
        }
    }
}
