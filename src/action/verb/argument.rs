//! What may follow a verb.

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name: a positional's, or that of an option.
    pub name: &'static str,
    /// How its value is written in the help; of an option that has none, empty.
    pub form: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means, without the last stop.
    pub help: &'static str,
}

/// What an argument is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A name or a word in its place.
    Word {
        /// Whether it must be there.
        required: bool,
    },
    /// A process id in its place.
    Number,
    /// Members: one in its place, `--role`, or `--all`; the name of the argument is that of the place.
    Members,
    /// Changes as KEY=VALUE in their place; `unless` names the option without which one must be there.
    Changes {
        /// That option.
        unless: &'static str,
    },
    /// One of several words.
    Choice {
        /// Those.
        values: &'static [Choice],
        /// Where it stands.
        place: Place,
    },
    /// An option that is there or not.
    Flag,
    /// An option with a value.
    Option {
        /// What holds where it is left out, as it would be written.
        default: Option<&'static str>,
    },
}

/// Where a choice stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In its place among the positionals.
    Positional,
    /// Behind an option; the first value holds where it is left out.
    Option,
}

/// One of several words.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
}

impl Argument {
    /// A name in its place.
    pub(super) const fn word(name: &'static str, form: &'static str, required: bool, help: &'static str) -> Self {
        Self { name, form, kind: Kind::Word { required }, help }
    }

    /// An option that is there or not.
    pub(super) const fn flag(name: &'static str, help: &'static str) -> Self {
        Self { name, form: "", kind: Kind::Flag, help }
    }

    /// An option with a value.
    pub(super) const fn option(name: &'static str, form: &'static str, help: &'static str) -> Self {
        Self { name, form, kind: Kind::Option { default: None }, help }
    }

    /// A time.
    pub(super) const AT: Self = Self::option("at", "TIME", "Schedule it for later: 2026-11-21T03:00:00+01:00, or +10m");

    /// Members.
    pub(super) const MEMBERS: Self = Self { name: "node", form: "NODE", kind: Kind::Members, help: "One member" };

    /// One of several words.
    pub(super) const fn choice(
        name: &'static str,
        form: &'static str,
        values: &'static [Choice],
        place: Place,
        help: &'static str,
    ) -> Self {
        Self { name, form, kind: Kind::Choice { values, place }, help }
    }
}

impl Choice {
    /// A word and what it means.
    pub(super) const fn of(name: &'static str, help: &'static str) -> Self {
        Self { name, help }
    }
}
