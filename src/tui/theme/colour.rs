//! Colours as written in a theme, and what becomes of them on a terminal that has fewer.

use std::str::FromStr;

use ratatui::style::Color;

/// How many colours the terminal has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ColourDepth {
    /// None: `NO_COLOR`, or a terminal without.
    None,
    /// The sixteen named ones.
    Sixteen,
    /// The palette of 256.
    Palette,
    /// Red, green and blue at will.
    #[default]
    True,
}

impl ColourDepth {
    /// By the values of the environment variables `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn detect(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or_default();
        if no_color.is_some_and(|value| !value.is_empty()) || term == "dumb" || term.ends_with("-m") {
            Self::None
        } else if matches!(colorterm, Some("truecolor" | "24bit")) || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Palette
        } else {
            Self::Sixteen
        }
    }
}

/// Red, green and blue of the sixteen named colours, as xterm has them: for finding the nearest, and for pictures.
pub const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// Reads a colour: `#rrggbb`, a name such as `light-red`, an index up to 255, or `default`.
pub fn parse(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    Color::from_str(text).ok()
}

/// What stands for `colour` on a terminal of this depth.
pub fn degrade(colour: Color, depth: ColourDepth) -> Color {
    match (depth, colour) {
        (ColourDepth::None, _) => Color::Reset,
        (ColourDepth::Palette, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed(r, g, b)),
        (ColourDepth::Sixteen, Color::Rgb(r, g, b)) => nearest_named(r, g, b),
        (ColourDepth::Sixteen, Color::Indexed(index)) => {
            let (r, g, b) = indexed_rgb(index);
            NAMED.get(usize::from(index)).copied().unwrap_or_else(|| nearest_named(r, g, b))
        }
        (_, colour) => colour,
    }
}

/// Red, green and blue of a colour; `None` for the terminal's own.
pub fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index) => Some(indexed_rgb(index)),
        named => NAMED.iter().position(|other| *other == named).map(|index| SIXTEEN[index]),
    }
}

/// A colour as SVG and CSS write it; `None` for the terminal's own, and for none.
pub fn hex(colour: impl Into<Option<Color>>) -> Option<String> {
    rgb(colour.into()?).map(|(r, g, b)| format!("#{r:02x}{g:02x}{b:02x}"))
}

/// Above the sixteen: a cube of six steps a side, then a ramp of greys.
fn indexed_rgb(index: u8) -> (u8, u8, u8) {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..=15 => SIXTEEN[usize::from(index)],
        16..=231 => {
            let cube = usize::from(index - 16);
            (STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6])
        }
        232..=255 => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |a: u8, b: u8, weight: u32| u32::from(a.abs_diff(b)).pow(2) * weight;
    part(a.0, b.0, 3) + part(a.1, b.1, 6) + part(a.2, b.2, 1)
}

fn nearest_indexed(r: u8, g: u8, b: u8) -> u8 {
    (16..=255).min_by_key(|index| distance(indexed_rgb(*index), (r, g, b))).unwrap_or(0)
}

/// The nearest by hue first: a pale green is green on sixteen colours, not white. Greys go by lightness.
fn nearest_named(r: u8, g: u8, b: u8) -> Color {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most - least < 32 {
        return match most {
            0..=48 => Color::Black,
            49..=150 => Color::DarkGray,
            151..=215 => Color::Gray,
            216..=255 => Color::White,
        };
    }
    let threshold = least + (most - least) / 2;
    let bits = usize::from(r > threshold) | usize::from(g > threshold) << 1 | usize::from(b > threshold) << 2;
    NAMED[if most > 200 { bits + 8 } else { bits }]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("#7ec87e", Color::Green)]
    #[case("#e05f5f", Color::LightRed)]
    #[case("#808080", Color::DarkGray)]
    #[case("#d7ba4f", Color::LightYellow)]
    fn a_pale_colour_keeps_its_hue_on_sixteen_colours(#[case] written: &str, #[case] shown: Color) {
        assert_eq!(degrade(parse(written).unwrap(), ColourDepth::Sixteen), shown);
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        assert_eq!(degrade(parse("#ff0000").unwrap(), ColourDepth::None), Color::Reset);
        assert_eq!(degrade(parse("light-red").unwrap(), ColourDepth::None), Color::Reset);
    }

    #[rstest]
    #[case(Some("1"), Some("truecolor"), "xterm-256color", ColourDepth::None)]
    #[case(Some(""), Some("truecolor"), "xterm", ColourDepth::True)]
    #[case(None, None, "xterm-256color", ColourDepth::Palette)]
    #[case(None, None, "linux", ColourDepth::Sixteen)]
    #[case(None, None, "dumb", ColourDepth::None)]
    fn depth_is_reported_by_the_environment(
        #[case] no_color: Option<&str>,
        #[case] colorterm: Option<&str>,
        #[case] term: &str,
        #[case] depth: ColourDepth,
    ) {
        assert_eq!(ColourDepth::detect(no_color, colorterm, Some(term)), depth);
    }
}
