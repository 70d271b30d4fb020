//! Taking out what a terminal obeys.
//!
//! Source: ECMA-48, and xterm's "Control Sequences".

use super::MAX_LENGTH;
use super::invisible::is_invisible;

pub(super) fn clean(raw: &str) -> String {
    let mut kept = String::with_capacity(raw.len().min(MAX_LENGTH));
    let mut count = 0;
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        if count == MAX_LENGTH {
            kept.push('…');
            break;
        }
        let ended = match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => {
                skip_csi(&mut rest);
                true
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if !kept.ends_with(' ') {
                    kept.push(' ');
                    count += 1;
                }
                true
            }
            c if c.is_control() || is_invisible(c) => true,
            c => {
                kept.push(c);
                count += 1;
                true
            }
        };
        if !ended {
            // What it took with it was there: hiding is shown.
            kept.push('…');
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Whether the sequence ended before the text did.
fn skip_escape(rest: &mut Characters<'_>) -> bool {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_csi(rest);
            true
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest)
        }
        Some(c) if c.is_ascii() => {
            // Intermediates (0x20-0x2f) and one final byte.
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
            true
        }
        _ => true,
    }
}

fn skip_csi(rest: &mut Characters<'_>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// An OSC, DCS, APC, PM or SOS string runs to BEL or ST; another escape breaks it off. Whether it ended before the text did.
fn skip_string(rest: &mut Characters<'_>) -> bool {
    while let Some(c) = rest.peek() {
        match c {
            '\u{7}' | '\u{9c}' => {
                rest.next();
                return true;
            }
            // ST is the escape of a backslash. Any other is left to whoever comes next.
            '\u{1b}' => {
                let mut ahead = rest.clone();
                ahead.next();
                if ahead.next() == Some('\\') {
                    *rest = ahead;
                }
                return true;
            }
            _ => {
                rest.next();
            }
        }
    }
    false
}
