//! What a human would read of a body.

/// The first line of a body that says anything, without tags: what a human would read of an error page.
pub fn first_line(body: &[u8]) -> String {
    if is_data(body) {
        return String::new();
    }
    let bare = without_tags(body);
    let line = bare.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    shortened(line)
}

/// Whether a body is JSON, whole or not: made for programs, and no sentence for anybody.
pub(super) fn is_data(body: &[u8]) -> bool {
    let mut head = body.iter().filter(|byte| !byte.is_ascii_whitespace());
    match head.next() {
        Some(b'{') => true,
        // Square brackets also begin lines of logs.
        Some(b'[') => head.next().is_none_or(|next| matches!(next, b'[' | b'{' | b'"' | b']' | b'-' | b'0'..=b'9')),
        _ => false,
    }
}

/// The head of a body without tags, each tag a line break.
pub(in crate::client) fn without_tags(body: &[u8]) -> String {
    const MAX_BODY: usize = 4096;
    let text = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]);
    let mut bare = String::new();
    let mut hidden = false;
    for c in text.chars() {
        match c {
            '<' => {
                hidden = true;
                bare.push('\n');
            }
            '>' if hidden => hidden = false,
            c if !hidden => bare.push(c),
            _ => {}
        }
    }
    bare
}

/// As much of a line as a message has room for.
pub(in crate::client) fn shortened(line: &str) -> String {
    const MAX_BODY_EXCERPT: usize = 200;
    line.chars().take(MAX_BODY_EXCERPT).collect()
}
