//! Taking out secrets: what libpq, its relatives and HTTP print around a password, and where it ends.
//!
//! Where two readings are possible the longer one is masked: too much is a nuisance, too little is a leak.
//!
//! Source: the manual of PostgreSQL, "Connection Strings" and "Setting Parameters"; `fe-connect.c` (`conninfo_parse`,
//! `conninfo_uri_parse_options`), `guc-file.l`.

/// What stands where a secret stood.
pub const MASK: &str = "********";

/// Words behind which a secret stands, in lower case; they may be the end of a longer word.
const SECRET_WORDS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "secret_key",
    "secretkey",
    "secret_access_key",
    "secretaccesskey",
    "api_key",
    "api-key",
    "apikey",
    "authorization",
    "x-amz-signature",
];

/// Masks the secret behind every [`SECRET_WORDS`], the password of every URL's user part, bearer tokens, and the keys of Amazon.
pub fn redact(raw: &str) -> String {
    mask_bare(&mask_urls(&mask_words(raw)))
}

fn mask_words(raw: &str) -> String {
    let lower = raw.to_ascii_lowercase();
    let mut out = String::with_capacity(raw.len());
    let mut position = 0;
    while let Some((start, word)) = next_word(&lower, position) {
        let after = start + word.len();
        match secret(raw, start, after, word) {
            Some((from, to)) => {
                out.push_str(&raw[position..from]);
                out.push_str(MASK);
                position = to;
            }
            None => {
                out.push_str(&raw[position..after]);
                position = after;
            }
        }
    }
    out.push_str(&raw[position..]);
    out
}

/// The first of the words at or after `position`; of several at one place the longest.
fn next_word(lower: &str, position: usize) -> Option<(usize, &'static str)> {
    let found = SECRET_WORDS.iter().filter_map(|word| lower[position..].find(word).map(|at| (position + at, *word)));
    found.min_by_key(|(at, word)| (*at, std::cmp::Reverse(word.len())))
}

/// Where the secret behind the word from `start` to `after` stands, if there is one.
fn secret(raw: &str, start: usize, after: usize, word: &str) -> Option<(usize, usize)> {
    let tail = &raw[after..];
    // The word itself may be in quotes, and those escaped.
    let key_quoted = tail.starts_with(['"', '\'', '\\']);
    let gap = tail.len() - tail.trim_start_matches([' ', '\t', '"', '\'', '\\']).len();
    let separated = tail[gap..].starts_with(['=', ':']);
    let (from, by_word) = if separated {
        (after + gap + separator(&tail[gap..]), false)
    } else if is_in_statement(tail) || (is_option(raw, start) && tail.starts_with([' ', '\t'])) {
        (after, true)
    } else {
        return None;
    };
    let value = raw[from..].trim_start_matches([' ', '\t']);
    let value_at = raw.len() - value.len();
    if word == "authorization" && !value.starts_with(['"', '\'', '\\']) {
        // A scheme and what goes with it, to the end of the header.
        let end = value.find(['\n', '\r', '"', '\'']).unwrap_or(value.len());
        return Some((value_at, value_at + end));
    }
    let ends = if is_in_url(raw, start) {
        Ends::InUrl
    } else if key_quoted && !by_word {
        Ends::InJson
    } else {
        Ends::AtBlank
    };
    let length = length(value, ends);
    // The mask follows the separator as the secret did, but without blanks, which say nothing.
    (length > 0).then_some((if by_word { value_at } else { from }, value_at + length))
}

/// Length of the separator at the head of `tail`: `=` or `:`, and `=>` or `:=` where a blank or a quote follows.
fn separator(tail: &str) -> usize {
    let arrow = ["=>", ":="]
        .iter()
        .any(|arrow| tail.strip_prefix(arrow).is_some_and(|behind| behind.starts_with([' ', '\t', '\'', '"'])));
    if arrow { 2 } else { 1 }
}

/// `PASSWORD 'x'` of CREATE ROLE and of a user mapping: a string follows at once.
fn is_in_statement(tail: &str) -> bool {
    let string = tail.trim_start_matches([' ', '\t', '\n', '\r']);
    let string = string.strip_prefix(['E', 'e']).unwrap_or(string);
    string.len() < tail.len() && string.starts_with(['\'', '$'])
}

/// `--password x`: an option of a command.
fn is_option(raw: &str, start: usize) -> bool {
    raw[..start].rsplit([' ', '\t', '\n']).next().is_some_and(|word| word.starts_with("--"))
}

/// Whether the word stands in the query of a URL: `postgres://u@h/db?password=x&y=z`.
fn is_in_url(raw: &str, start: usize) -> bool {
    raw[..start]
        .rsplit([' ', '\t', '\n', '"', '\''])
        .next()
        .is_some_and(|word| word.contains('?') || word.contains("://"))
}

/// Where a value without quotes ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// At a blank, unless that is escaped, as in a connection string.
    AtBlank,
    /// At the next parameter, too.
    InUrl,
    /// At the next member, too: strings have quotes there.
    InJson,
}

/// Length in bytes of the secret at the head of `value`.
fn length(value: &str, ends: Ends) -> usize {
    let prefixed = usize::from(value.starts_with(['E', 'e']) && value[1..].starts_with('\''));
    if let Some(length) = quoted(&value[prefixed..]) {
        return prefixed + length;
    }
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ' ' | '\t' | '\n' | '\r' => return at,
            '&' | '#' | '"' if ends == Ends::InUrl => return at,
            ',' | '}' | ']' if ends == Ends::InJson => return at,
            _ => {}
        }
    }
    value.len()
}

/// Length of a secret in quotes, those included; `None`: it has none. One that is never closed takes the rest.
fn quoted(value: &str) -> Option<usize> {
    if let Some(tag) = dollar_tag(value) {
        let inside = &value[tag.len()..];
        return Some(inside.find(tag).map_or(value.len(), |at| at + 2 * tag.len()));
    }
    let backslashes = value.len() - value.trim_start_matches('\\').len();
    let quote = value[backslashes..].chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    // Quotes inside of quotes are doubled, as in `primary_conninfo = 'password=''x'''`; with nothing inside they are an
    // empty value.
    let doubled = backslashes == 0 && value[1..].starts_with(quote);
    if doubled && value[2..].chars().next().is_none_or(|c| " \t\n\r,;})]&".contains(c)) {
        return Some(2);
    }
    let mark = if doubled { &value[..2] } else { &value[backslashes..=backslashes] };
    let mut at = backslashes + mark.len();
    while at < value.len() {
        let rest = &value[at..];
        let run = rest.len() - rest.trim_start_matches('\\').len();
        let Some(behind) = rest[run..].strip_prefix(mark) else {
            at += if run > 0 { run } else { rest.chars().next().map_or(1, char::len_utf8) };
            continue;
        };
        let escaped = match (backslashes, doubled) {
            // In a string within a string the marks carry as many backslashes as the first one.
            (1.., _) => run != backslashes,
            (0, false) => !run.is_multiple_of(2),
            // Where quotes are doubled, backslashes may be, too.
            (0, true) => !run.is_multiple_of(4),
        };
        // Doubled once more it is a part of the secret.
        let twice = backslashes == 0 && !escaped && behind.starts_with(mark);
        at += run + mark.len() + if twice { mark.len() } else { 0 };
        if !escaped && !twice {
            return Some(at);
        }
    }
    Some(value.len())
}

/// `$$` or `$tag$`.
fn dollar_tag(value: &str) -> Option<&str> {
    let end = value.strip_prefix('$')?.find('$')?;
    let name = &value[1..=end];
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| &value[..end + 2])
}

/// The password in the user part of a URL. One that holds a slash or a question mark, against the rules, is masked too.
fn mask_urls(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let word = tail.find([' ', '\t', '\n', '\r', '"', '\'', '<', '>']).unwrap_or(tail.len());
        // Another URL may follow without a blank: `a://x,b://y`.
        let word = tail[..word].find("://").unwrap_or(word);
        let authority = tail[..word].find(['/', '?', '#']).unwrap_or(word);
        let colon = tail[..word].find(':');
        let is_port = colon.is_some_and(|colon| {
            let digits = tail.get(colon + 1..authority.max(colon + 1)).unwrap_or_default();
            colon < authority
                && (digits.split(',').next().unwrap_or_default()).bytes().all(|byte| byte.is_ascii_digit())
        });
        let within = if is_port { authority } else { word };
        match tail[..within].rfind('@').and_then(|end| tail[..end].find(':').map(|start| (start, end))) {
            Some((start, end)) => {
                out.push_str(&tail[..=start]);
                out.push_str(MASK);
                rest = &tail[end..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

/// Secrets that are known by their own looks: `Bearer x`, and the keys of Amazon.
fn mask_bare(raw: &str) -> String {
    const BEARER: &str = "bearer ";
    let lower = raw.to_ascii_lowercase();
    let mut out = String::with_capacity(raw.len());
    let mut position = 0;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    while position < raw.len() {
        let bearer = lower[position..].find(BEARER).map(|at| (position + at + BEARER.len(), 16));
        let key =
            ["AKIA", "ASIA"].iter().filter_map(|mark| raw[position..].find(mark)).min().map(|at| (position + at, 20));
        let Some((from, least)) = [bearer, key].into_iter().flatten().min() else { break };
        let end = raw[from..].find(|c: char| !is_token(c)).map_or(raw.len(), |at| from + at);
        out.push_str(&raw[position..from]);
        if end - from >= least {
            out.push_str(MASK);
        } else {
            out.push_str(&raw[from..end]);
        }
        // Something is always taken, so that this ends.
        position = end.max(from);
        if position == from {
            let next = raw[from..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&raw[from..from + next]);
            position = from + next;
        }
    }
    out.push_str(raw.get(position..).unwrap_or_default());
    out
}
