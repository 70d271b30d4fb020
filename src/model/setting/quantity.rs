//! Sizes and times as PostgreSQL writes them. Source: `guc.c`, `memory_unit_conversion_table` and `parse_real`.

/// What a number of a setting counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unit {
    /// How many of the smallest unit one is: bytes, or microseconds.
    each: u32,
    is_time: bool,
}

/// Units by their word, largest first.
const SIZES: [(&str, f64); 5] =
    [("TB", 1_099_511_627_776.0), ("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("kB", 1024.0), ("B", 1.0)];
const TIMES: [(&str, f64); 6] = [("d", 86_400e6), ("h", 3_600e6), ("min", 60e6), ("s", 1e6), ("ms", 1e3), ("us", 1.0)];

impl Unit {
    /// The unit of `pg_settings`: `kB`, `8kB`, `16MB`, `ms`, `min` ... `None`: no unit known here.
    pub fn from_name(word: &str) -> Option<Self> {
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let count = match word.strip_suffix(letters)? {
            "" => 1,
            digits => digits.parse::<u32>().ok()?,
        };
        let sized = |table: &[(&str, f64)]| table.iter().find(|(known, _)| *known == letters).map(|(_, each)| *each);
        let (each, is_time) = match (sized(&SIZES), sized(&TIMES)) {
            (Some(each), _) => (each, false),
            (None, Some(each)) => (each, true),
            (None, None) => return None,
        };
        let each = each * f64::from(count);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit")]
        (each <= f64::from(u32::MAX)).then_some(Self { each: each as u32, is_time })
    }

    /// Whether it is a time.
    pub fn is_time(self) -> bool {
        self.is_time
    }

    fn table(self) -> &'static [(&'static str, f64)] {
        if self.is_time { &TIMES } else { &SIZES }
    }

    /// A number of these in the largest unit that needs no fraction: `65536` of kB is `64MB`.
    pub(super) fn shown(self, number: &str) -> String {
        let Ok(count) = number.parse::<f64>() else { return number.to_owned() };
        // Zero and negative numbers mean something of their own: off, or automatic.
        if count <= 0.0 {
            return number.to_owned();
        }
        let whole = count * f64::from(self.each);
        let fits = self.table().iter().find(|(_, each)| whole % each == 0.0);
        fits.map_or_else(|| number.to_owned(), |(word, each)| format!("{}{word}", whole / each))
    }
}

/// A bound with its unit.
pub(super) fn bound(unit: Option<Unit>, number: &str) -> String {
    unit.map_or_else(|| number.to_owned(), |unit| unit.shown(number))
}

/// A number, perhaps with a unit, as so many of `unit`. `None`: it is none.
pub(super) fn read(text: &str, unit: Option<Unit>) -> Option<f64> {
    let text = text.trim();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        let number = u32::from_str_radix(digits, 16).ok()?;
        return Some(f64::from(number));
    }
    // Modes of files are written so.
    if text.len() > 1 && text.starts_with('0') && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
        return u32::from_str_radix(text, 8).ok().map(f64::from);
    }
    let letters = text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    // An exponent belongs to the number, and no unit begins with one.
    let letters = letters
        .strip_prefix(['e', 'E'])
        .map_or(letters, |exponent| exponent.trim_start_matches(|c: char| c.is_ascii_digit() || "+-".contains(c)));
    let number: f64 = text.strip_suffix(letters)?.trim_end().parse().ok()?;
    let word = letters.trim();
    if word.is_empty() {
        return Some(number);
    }
    let unit = unit?;
    let (_, each) = unit.table().iter().find(|(known, _)| *known == word)?;
    Some(number * each / f64::from(unit.each))
}
