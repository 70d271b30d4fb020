//! A line of text in several tones.

use unicode_width::UnicodeWidthStr;

use super::symbol::Mark;
use super::table::Tone;
use crate::model::text::Text;

/// A piece of text in one tone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Text.
    pub text: Text,
    /// Tone.
    pub tone: Tone,
}

impl Span {
    /// `text` in `tone`.
    pub fn new(text: impl Into<Text>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// One line: spans drawn one after the other. Blanks at the seams are part of the spans.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    /// Spans.
    pub spans: Vec<Span>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text; nothing where it is empty. Blanks at its end are kept, unlike in [`Text`].
    #[must_use]
    pub fn with(mut self, text: impl AsRef<str>, tone: Tone) -> Self {
        self.push(text, tone);
        self
    }

    /// Adds ordinary text.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.with(text, Tone::Plain)
    }

    /// Adds secondary text.
    #[must_use]
    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.with(text, Tone::Dim)
    }

    /// Adds a symbol.
    #[must_use]
    pub fn mark(self, mark: Mark) -> Self {
        self.with(mark.symbol().to_string(), mark.tone())
    }

    /// See [`Line::with`].
    pub fn push(&mut self, text: impl AsRef<str>, tone: Tone) {
        let text = text.as_ref();
        if text.is_empty() {
            return;
        }
        // `Text` drops blanks at the end, so a seam is written as a blank before the next span.
        let body = text.trim_end();
        let blanks = text.len() - body.len();
        if !body.is_empty() {
            self.spans.push(Span::new(body, tone));
        }
        if blanks > 0 {
            self.blanks(blanks);
        }
    }

    fn blanks(&mut self, count: usize) {
        self.spans.push(Span { text: Text::blanks(count), tone: Tone::Plain });
    }

    /// Adds blanks up to column `width`.
    pub fn pad_to(&mut self, width: usize) {
        let missing = width.saturating_sub(self.width());
        if missing > 0 {
            self.blanks(missing);
        }
    }

    /// Adds the spans of `other`.
    pub fn append(&mut self, other: Self) {
        self.spans.extend(other.spans);
    }

    /// Columns it takes on a terminal.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.as_str().width()).sum()
    }

    /// The text without tones.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}
