//! What a place on the screen means. The theme gives each meaning a style; nothing else on the screen knows colours.

use crate::report::table::Tone;

macro_rules! roles {
    ($($(#[$meta:meta])* $role:ident => $name:literal,)*) => {
        /// A meaning that has a style. Names are dotted; a theme that lacks one falls back to the part before the
        /// last dot.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Role {
            $($(#[$meta])* $role,)*
        }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];

            /// Its name in theme files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
}

roles! {
    /// Everything without a role of its own: foreground and background of the screen.
    Text => "text",
    /// Labels, units, sources.
    Dim => "text.dim",
    /// Names that lead the eye.
    Strong => "text.strong",
    /// In order.
    Well => "status.ok",
    /// Look at it.
    Look => "status.warning",
    /// Act on it.
    Act => "status.critical",
    /// Old, unknown, silent.
    Stale => "status.stale",
    /// The row that keys act on.
    Selection => "selection",
    /// The same in a pane without focus.
    SelectionIdle => "selection.idle",
    /// Rules and frames.
    Border => "border",
    /// The frame of what has the focus.
    BorderFocus => "border.focus",
    /// Titles of panes and dialogs.
    Title => "title",
    /// Column headings.
    Heading => "heading",
    /// The column sorted by.
    HeadingSorted => "heading.sorted",
    /// The line at the top.
    Header => "header",
    /// The badge of a console that may act.
    BadgeWrite => "badge.write",
    /// The badge of a console that only looks.
    BadgeRead => "badge.read",
    /// The badge of a simulated cluster.
    BadgeSimulated => "badge.simulated",
    /// The badge of a frozen or past picture.
    BadgeFrozen => "badge.frozen",
    /// The line at the bottom.
    KeyLine => "keyline",
    /// A key in it.
    KeyLineKey => "keyline.key",
    /// The present view in it.
    KeyLineCurrent => "keyline.current",
    /// Dialogs.
    Dialog => "dialog",
    /// Text being typed.
    Prompt => "prompt",
    /// Letters that the search matched.
    Match => "match",
    /// Curves.
    Graph => "graph",
    /// Their axes.
    GraphAxis => "graph.axis",
    /// A notice that something was done.
    NoticeDone => "notice.done",
    /// A notice that something could not be done.
    NoticeFailed => "notice.failed",
    /// The band of a cluster on the wall that is in order.
    WallWell => "wall.ok",
    /// That is worth a look.
    WallLook => "wall.warning",
    /// That needs a hand.
    WallAct => "wall.critical",
    /// That is not seen.
    WallStale => "wall.stale",
    /// A cluster that the configuration gives the colour red; the others likewise.
    ClusterRed => "cluster.red",
    /// Yellow.
    ClusterYellow => "cluster.yellow",
    /// Green.
    ClusterGreen => "cluster.green",
    /// Cyan.
    ClusterCyan => "cluster.cyan",
    /// Blue.
    ClusterBlue => "cluster.blue",
    /// Magenta.
    ClusterMagenta => "cluster.magenta",
}

/// What roles were called in earlier versions; themes written for those go on working.
const FORMER_NAMES: [(&str, &str); 6] = [
    ("status.well", "status.ok"),
    ("status.look", "status.warning"),
    ("status.act", "status.critical"),
    ("wall.well", "wall.ok"),
    ("wall.look", "wall.warning"),
    ("wall.act", "wall.critical"),
];

impl Role {
    /// The role called `name`, or called so formerly.
    pub fn named(name: &str) -> Option<Self> {
        let name = FORMER_NAMES.iter().find(|(former, _)| *former == name).map_or(name, |(_, present)| present);
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// The role of a tone.
    pub const fn of(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Text,
            Tone::Ok => Self::Well,
            Tone::Warning => Self::Look,
            Tone::Critical => Self::Act,
            Tone::Stale => Self::Stale,
            Tone::Dim => Self::Dim,
            Tone::Strong => Self::Strong,
        }
    }

    /// The role of a cluster's name by the colour that the configuration gives it.
    pub fn of_cluster(colour: Option<&str>) -> Self {
        colour.and_then(|colour| Self::named(&format!("cluster.{colour}"))).unwrap_or(Self::Strong)
    }
}
