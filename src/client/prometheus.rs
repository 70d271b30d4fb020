//! Prometheus' text format, scanned line by line for the few metrics that are wanted. Not a parser of the format: it
//! keeps nothing, checks no types, and passes over what it cannot read.

use crate::client::http::{HttpError, HttpReader};

/// More than a sample with many labels needs; a longer line is passed over.
const MAX_LINE_LENGTH: usize = 64 * 1024;

/// One sample.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample<'a> {
    /// Name of the metric.
    pub name: &'a str,
    /// Labels as written, without the braces.
    labels: &'a str,
    /// Value as written: some are text in disguise, such as a zero-padded version.
    pub value: &'a str,
}

impl Sample<'_> {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<String> {
        let mut rest = self.labels;
        loop {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if key.trim().trim_start_matches(',').trim() == name {
                return Some(value);
            }
            rest = after;
        }
    }

    /// The value as a number.
    pub fn number(&self) -> Option<f64> {
        self.value.parse().ok()
    }
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) => value.push(escaped),
                None => return None,
            },
            c => value.push(c),
        }
    }
    None
}

/// One line as a sample; `None` for a comment, an empty line, or nonsense. A blank before the brace is tolerated:
/// Patroni before 3.3.11 and 4.1 wrote one.
pub fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inner) => {
            let end = closing_brace(inner)?;
            (&inner[..end], &inner[end + 1..])
        }
        None => ("", rest),
    };
    let value = rest.split_whitespace().next()?;
    (!name.is_empty() && value.parse::<f64>().is_ok()).then_some(Sample { name, labels, value })
}

fn closing_brace(inner: &str) -> Option<usize> {
    let (mut within, mut escaped) = (false, false);
    inner.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => within = !within,
            '}' if !within => return Some(at),
            _ => {}
        }
        None
    })
}

/// A scan of a text that comes in pieces. Holds one line at most.
#[derive(Debug, Default)]
pub struct Scan {
    line: Vec<u8>,
    overlong: bool,
    samples: u32,
}

impl Scan {
    /// Reads `path` and hands each sample to `take`; returns their number.
    ///
    /// # Errors
    /// When no complete answer came, or one that is not this format.
    pub async fn read(
        http: &HttpReader,
        path: &str,
        mut take: impl FnMut(&Sample<'_>) + Send,
    ) -> Result<u32, HttpError> {
        let mut scan = Self::default();
        let mut beginning = Vec::new();
        let head = http
            .stream(path, |chunk| {
                if beginning.len() < 512 {
                    beginning.extend_from_slice(&chunk[..chunk.len().min(512)]);
                }
                scan.push(chunk, &mut take);
            })
            .await?;
        let samples = scan.finish(&mut take);
        if head.status != 200 || samples == 0 {
            let reason = if head.status == 200 { "no metrics" } else { "metrics are not permitted" };
            let line = crate::client::http::first_line(&beginning);
            return Err(HttpError::Unexpected { status: head.status, reason, line });
        }
        Ok(samples)
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8], take: &mut impl FnMut(&Sample<'_>)) {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        self.extend(first);
        for line in lines {
            self.end_line(take);
            self.extend(line);
        }
    }

    /// Takes the last line, if it lacks its end, and returns the number of samples.
    pub fn finish(mut self, take: &mut impl FnMut(&Sample<'_>)) -> u32 {
        self.end_line(take);
        self.samples
    }

    fn extend(&mut self, part: &[u8]) {
        self.overlong |= self.line.len() + part.len() > MAX_LINE_LENGTH;
        if !self.overlong {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, take: &mut impl FnMut(&Sample<'_>)) {
        if !self.overlong
            && let Some(sample) = std::str::from_utf8(&self.line).ok().and_then(sample)
        {
            self.samples = self.samples.saturating_add(1);
            take(&sample);
        }
        self.line.clear();
        self.overlong = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pg_up 1", Some(("pg_up", "1")))]
    #[case("patroni_version{scope=\"a\",name=\"b\"} 040007", Some(("patroni_version", "040007")))]
    #[case("patroni_postgres_server_version {scope=\"a\"} 170011", Some(("patroni_postgres_server_version", "170011")))]
    #[case("x{a=\"}\\\"{\"} +Inf 1700000000", Some(("x", "+Inf")))]
    #[case("# HELP pg_up is it", None)]
    #[case("", None)]
    #[case("<html>", None)]
    #[case("x{a=\"never closed} 1", None)]
    #[case("x one", None)]
    fn samples_are_read_line_by_line(#[case] line: &str, #[case] expected: Option<(&str, &str)>) {
        assert_eq!(sample(line).map(|sample| (sample.name, sample.value)), expected);
    }

    #[test]
    fn labels_are_found_by_name_with_their_escapes_undone() {
        let sample = sample(r#"build_info{branch="a,version=\"0\"", version="0.17.1"} 1"#).expect("a sample");
        assert_eq!(sample.label("version"), Some("0.17.1".to_owned()));
        assert_eq!(sample.label("branch"), Some("a,version=\"0\"".to_owned()));
        assert_eq!(sample.label("missing"), None);
    }

    #[test]
    fn a_line_without_end_is_passed_over_without_being_kept() {
        let mut scan = Scan::default();
        let mut seen = Vec::new();
        let mut take = |sample: &Sample<'_>| seen.push(sample.name.to_owned());
        for _ in 0..100 {
            scan.push(&[b'a'; 10_000], &mut take);
        }
        assert!(scan.line.capacity() <= 2 * MAX_LINE_LENGTH);
        scan.push(b" 1\npg_up 1\npg_ti", &mut take);
        scan.push(b"me 2", &mut take);
        assert_eq!(scan.finish(&mut take), 2);
        assert_eq!(seen, ["pg_up", "pg_time"]);
    }

    proptest! {
        #[test]
        fn no_text_brings_the_scan_down(line in ".{0,80}", name in "[a-z]{1,4}") {
            if let Some(sample) = sample(&line) {
                sample.label(&name);
            }
        }

        #[test]
        fn how_a_text_is_cut_into_pieces_does_not_matter(at in 0usize..60) {
            let text = b"a 1\n# b 2\nc{d=\"e\"} 3\n\ncorrupt\nf 4 17\n";
            let (one, two) = text.split_at(at.min(text.len()));
            let mut scan = Scan::default();
            let mut take = |_: &Sample<'_>| {};
            scan.push(one, &mut take);
            scan.push(two, &mut take);
            prop_assert_eq!(scan.finish(&mut take), 3);
        }
    }
}
