//! Characters that reorder or hide: what is read differs from what is there.

/// Unicode 16: `Default_Ignorable_Code_Point` of `DerivedCoreProperties.txt`, `Bidi_Control` of `PropList.txt` (which is
/// among them), and the interlinear annotations. In order.
const RANGES: [(char, char); 19] = [
    // Soft hyphen, combining grapheme joiner, Arabic letter mark.
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    // Hangul fillers, Khmer inherent vowels, Mongolian selectors.
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    // Zero width, marks and overrides of direction.
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    // Word joiner, invisible operators, isolates, deprecated controls.
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    // Variation selectors, byte order mark, half-width filler.
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    // Unassigned, and interlinear annotations.
    ('\u{fff0}', '\u{fff8}'),
    ('\u{fff9}', '\u{fffb}'),
    // Shorthand and musical controls.
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    // Tags, and more variation selectors.
    ('\u{e0000}', '\u{e0fff}'),
    // Noncharacters at the end of the first plane.
    ('\u{fffe}', '\u{ffff}'),
];

/// Whether nobody would see it, or it would make its neighbours stand elsewhere.
pub(super) fn is_invisible(c: char) -> bool {
    // Nearly all text is below the first of them.
    c >= RANGES[0].0 && RANGES.iter().any(|(first, last)| (*first..=*last).contains(&c))
}
