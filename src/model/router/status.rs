//! The words by which HAProxy tells how a server, backend, frontend or listener stands, of 2.6 to 3.4.

use serde::Serialize;

use super::super::text::Text;
use super::control::HeldBy;

/// Status of a server, backend, frontend or listener. A word that is none of HAProxy's known ones stays unknown: it is
/// neither up nor down.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyStatus {
    /// Takes traffic.
    Up,
    /// Takes traffic, but checks are failing: so many of so many.
    GoingDown(Text),
    /// Takes no traffic.
    Down,
    /// Takes no traffic, since its agent said so.
    DownByAgent,
    /// Takes no traffic yet, checks are passing.
    GoingUp(Text),
    /// Finishes what it has, takes nothing new.
    Drain,
    /// The same, by its agent's word.
    DrainByAgent,
    /// The same, and checks are failing: so many of so many.
    DrainGoingDown(Text),
    /// Out of service. Empty: by hand or by configuration; else HAProxy's reason in its brackets.
    Maintenance(Text),
    /// Up by default since nothing checks it: cannot follow a failover.
    NoCheck,
    /// Runs but is not balanced to.
    NoLoadBalancing,
    /// The same, and checks are failing: so many of so many.
    NoLoadBalancingGoingDown(Text),
    /// A backend with servers to lead to that no frontend may lead to (HAProxy 3.4); only a `listen` still does.
    UpUnpublished,
    /// A backend without, that no frontend may lead to either.
    DownUnpublished,
    /// A frontend or listener that accepts.
    Open,
    /// A frontend or listener that has reached its limit: clients wait.
    Full,
    /// A listener that waits for a slot of the process or its frontend.
    Waiting,
    /// A frontend that is stopped or was never started.
    Stopped,
    /// A frontend that is paused by hand: it does not listen.
    Paused,
    /// A word this version does not know.
    Unknown(Text),
}

/// Behind the status of a backend that is unpublished.
const UNPUBLISHED: &str = "(UNPUB)";

impl ProxyStatus {
    /// What HAProxy's text says. Words are matched whole, and what follows them by its form.
    pub fn from_name(word: &str) -> Self {
        let word = word.trim();
        let unknown = || Self::Unknown(Text::new(word));
        if word == "no check" {
            return Self::NoCheck;
        }
        let (first, rest) = word.split_once(' ').unwrap_or((word, ""));
        let rest = rest.trim();
        match (first, rest) {
            ("UP", "") => Self::Up,
            ("UP", UNPUBLISHED) => Self::UpUnpublished,
            ("UP", fraction) if is_fraction(fraction) => Self::GoingDown(Text::new(fraction)),
            ("DOWN", "") => Self::Down,
            ("DOWN", UNPUBLISHED) => Self::DownUnpublished,
            ("DOWN", "(agent)") => Self::DownByAgent,
            ("DOWN", fraction) if is_fraction(fraction) => Self::GoingUp(Text::new(fraction)),
            ("DRAIN", "") => Self::Drain,
            ("DRAIN", "(agent)") => Self::DrainByAgent,
            ("DRAIN", fraction) if is_fraction(fraction) => Self::DrainGoingDown(Text::new(fraction)),
            ("NOLB", "") => Self::NoLoadBalancing,
            ("NOLB", fraction) if is_fraction(fraction) => Self::NoLoadBalancingGoingDown(Text::new(fraction)),
            ("MAINT", reason) if reason.is_empty() || is_bracketed(reason) => Self::Maintenance(Text::new(reason)),
            ("OPEN", "") => Self::Open,
            ("FULL", "") => Self::Full,
            ("WAITING", "") => Self::Waiting,
            ("STOP", "") => Self::Stopped,
            ("PAUSED", "") => Self::Paused,
            _ => unknown(),
        }
    }

    /// Whether new connections are sent there, by the status alone. Of a server ask its row, which knows more.
    pub fn takes_traffic(&self) -> bool {
        matches!(self, Self::Up | Self::GoingDown(_) | Self::NoCheck | Self::Open)
    }

    /// Whether it is known how it stands.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Whether it finishes what it has and takes nothing new.
    pub fn is_drain(&self) -> bool {
        matches!(self, Self::Drain | Self::DrainByAgent | Self::DrainGoingDown(_))
    }

    /// Whether it is out of service, for whatever reason.
    pub fn is_maintenance(&self) -> bool {
        matches!(self, Self::Maintenance(_))
    }

    /// Whether it is a backend that no frontend may lead to.
    pub fn is_unpublished(&self) -> bool {
        matches!(self, Self::UpUnpublished | Self::DownUnpublished)
    }

    /// Who keeps it from traffic, as far as the word tells.
    pub fn held_by(&self) -> Option<HeldBy> {
        match self {
            Self::DrainByAgent | Self::DownByAgent => Some(HeldBy::Agent),
            Self::Maintenance(reason) => match reason.as_str().trim_matches(['(', ')']) {
                "resolution" | "fqdn" => Some(HeldBy::Resolver),
                reason => reason.strip_prefix("via ").map(|server| HeldBy::Server(Text::new(server))),
            },
            _ => None,
        }
    }

    /// The word shown: HAProxy's.
    pub fn as_str(&self) -> String {
        let fixed = match self {
            Self::Up => "UP",
            Self::GoingDown(fraction) => return format!("UP {fraction}"),
            Self::Down => "DOWN",
            Self::DownByAgent => "DOWN (agent)",
            Self::GoingUp(fraction) => return format!("DOWN {fraction}"),
            Self::Drain => "DRAIN",
            Self::DrainByAgent => "DRAIN (agent)",
            Self::DrainGoingDown(fraction) => return format!("DRAIN {fraction}"),
            Self::Maintenance(reason) if reason.is_empty() => "MAINT",
            Self::Maintenance(reason) => return format!("MAINT {reason}"),
            Self::NoCheck => "no check",
            Self::NoLoadBalancing => "NOLB",
            Self::NoLoadBalancingGoingDown(fraction) => return format!("NOLB {fraction}"),
            Self::UpUnpublished => "UP (UNPUB)",
            Self::DownUnpublished => "DOWN (UNPUB)",
            Self::Open => "OPEN",
            Self::Full => "FULL",
            Self::Waiting => "WAITING",
            Self::Stopped => "STOP",
            Self::Paused => "PAUSED",
            Self::Unknown(word) if word.is_empty() => "?",
            Self::Unknown(word) => return word.to_string(),
        };
        fixed.to_owned()
    }
}

/// `2/3`.
fn is_fraction(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('/').is_some_and(|(done, of)| is_number(done) && is_number(of))
}

fn is_bracketed(text: &str) -> bool {
    text.starts_with('(') && text.ends_with(')')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("UP", ProxyStatus::Up, true)]
    #[case("UP 1/3", ProxyStatus::GoingDown("1/3".into()), true)]
    #[case("UP (UNPUB)", ProxyStatus::UpUnpublished, false)]
    #[case("DOWN", ProxyStatus::Down, false)]
    #[case("DOWN 1/2", ProxyStatus::GoingUp("1/2".into()), false)]
    #[case("DOWN (agent)", ProxyStatus::DownByAgent, false)]
    #[case("DOWN (UNPUB)", ProxyStatus::DownUnpublished, false)]
    #[case("DRAIN", ProxyStatus::Drain, false)]
    #[case("DRAIN 1/3", ProxyStatus::DrainGoingDown("1/3".into()), false)]
    #[case("DRAIN (agent)", ProxyStatus::DrainByAgent, false)]
    #[case("MAINT", ProxyStatus::Maintenance("".into()), false)]
    #[case("MAINT (via a/b)", ProxyStatus::Maintenance("(via a/b)".into()), false)]
    #[case("MAINT (resolution)", ProxyStatus::Maintenance("(resolution)".into()), false)]
    #[case("MAINT (fqdn)", ProxyStatus::Maintenance("(fqdn)".into()), false)]
    #[case("no check", ProxyStatus::NoCheck, true)]
    #[case("NOLB", ProxyStatus::NoLoadBalancing, false)]
    #[case("NOLB 1/2", ProxyStatus::NoLoadBalancingGoingDown("1/2".into()), false)]
    #[case("OPEN", ProxyStatus::Open, true)]
    #[case("FULL", ProxyStatus::Full, false)]
    #[case("WAITING", ProxyStatus::Waiting, false)]
    #[case("STOP", ProxyStatus::Stopped, false)]
    #[case("PAUSED", ProxyStatus::Paused, false)]
    fn every_word_is_read_and_shown_again(#[case] word: &str, #[case] status: ProxyStatus, #[case] traffic: bool) {
        assert_eq!(ProxyStatus::from_name(word), status);
        assert_eq!((status.takes_traffic(), status.is_known()), (traffic, true));
        assert_eq!(status.as_str(), word);
    }

    #[rstest]
    #[case("FROZEN")]
    #[case("UP (LATER)")]
    #[case("UP soon")]
    #[case("DOWN (LATER)")]
    #[case("DOWNHILL")]
    #[case("UPSIDE")]
    #[case("no checks yet")]
    #[case("no")]
    #[case("DRAIN (operator)")]
    #[case("MAINT soon")]
    #[case("")]
    fn a_word_that_is_not_known_stays_unknown(#[case] word: &str) {
        assert_eq!(ProxyStatus::from_name(word), ProxyStatus::Unknown(word.into()));
        assert!(!ProxyStatus::from_name(word).is_known());
    }

    #[rstest]
    #[case("MAINT", None)]
    #[case("MAINT (resolution)", Some(HeldBy::Resolver))]
    #[case("MAINT (via words/up)", Some(HeldBy::Server("words/up".into())))]
    #[case("DRAIN (agent)", Some(HeldBy::Agent))]
    #[case("DRAIN", None)]
    #[case("UP", None)]
    fn the_word_tells_who_keeps_it_from_traffic(#[case] word: &str, #[case] by: Option<HeldBy>) {
        assert_eq!(ProxyStatus::from_name(word).held_by(), by);
    }
}
