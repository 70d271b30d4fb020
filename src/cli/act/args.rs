//! Arguments of the verbs that act. Positionals are nodes; the cluster is `--cluster`, needless where there is one.

use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum, value_parser};
use jiff::Timestamp;

use crate::action::parse::ParseError;
use crate::action::verb::{
    Argument, ArgumentValues, Choice, IntentRequest, Kind, Place, VERBS, Verb, former_names, present_name,
};
use crate::model::name::RouterName;

/// How an action is confirmed and shown.
#[derive(Args, Debug, Clone, Default)]
pub struct Acting {
    /// Show the plan and its checks without running it.
    #[arg(long)]
    pub dry_run: bool,
    /// Confirm a reversible action without a prompt.
    #[arg(long, short)]
    pub yes: bool,
    /// Confirm with the name that would have to be typed: that of the cluster or the node.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Reason; required if the cluster is protected, and to override a check. Recorded in the journal.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Override this blocking check, where allowed. May be repeated.
    #[arg(long = "override", value_name = "CHECK")]
    pub overrides: Vec<String>,
    /// Of the overrides take those alone whose check blocks: they were given for several actions at once.
    #[arg(skip)]
    pub overrides_where_asked: bool,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: ActOutput,
}

/// Output format of actions.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ActOutput {
    /// Text.
    #[default]
    Table,
    /// One JSON object per line.
    Json,
}

/// A verb that acts, with what was given behind it. Made from the [rows](crate::action::verb::VERBS) of the verbs.
#[derive(Debug, Clone)]
pub struct ActVerb {
    /// The verb.
    pub verb: &'static Verb,
    /// What was given, by the names of its arguments.
    given: Vec<(&'static str, String)>,
    /// How it is confirmed and shown.
    pub acting: Acting,
}

impl ActVerb {
    /// What is wanted. `now` is the wall clock, for times such as `+10m`; `routers` are those configured.
    ///
    /// # Errors
    /// What was typed makes no sense.
    pub fn wanted(&self, now: Timestamp, routers: &[RouterName]) -> Result<IntentRequest, ParseError> {
        let nothing = ArgumentValues::nothing(now, routers);
        let given = self.given.iter().fold(nothing, |given, (name, value)| given.with(name, value));
        (self.verb.wanted)(&given)
    }

    /// Whether an option was given.
    pub fn has(&self, option: &str) -> bool {
        self.given.iter().any(|(name, _)| *name == option)
    }
}

impl Subcommand for ActVerb {
    fn augment_subcommands(command: Command) -> Command {
        VERBS.iter().fold(command, |command, verb| command.subcommand(subcommand(verb)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        VERBS.iter().any(|verb| verb.name == present_name(name))
    }
}

impl FromArgMatches for ActVerb {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, below)| {
            let verb = VERBS.iter().find(|verb| verb.name == name)?;
            Some((*verb, below))
        });
        let Some((verb, below)) = found else { return Err(clap::Error::new(ErrorKind::MissingSubcommand)) };
        let given = verb.arguments.iter().flat_map(|argument| values(argument, below)).collect();
        Ok(Self { verb, given, acting: Acting::from_arg_matches(below)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(verb: &Verb) -> Command {
    let command = former_names(verb.name).fold(Command::new(verb.name), Command::alias);
    let command = verb.arguments.iter().fold(command, with);
    // What all have in common would put its own words in the place of the verb's.
    Acting::augment_args(command).about(verb.about)
}

fn with(command: Command, argument: &Argument) -> Command {
    let one = Arg::new(argument.name).help(argument.help);
    let one = match argument.kind {
        Kind::Word { required } => one.value_name(argument.form).required(required),
        Kind::Number => one.value_name(argument.form).required(true).value_parser(value_parser!(u32)),
        Kind::Changes { unless } => {
            one.value_name(argument.form).required_unless_present(unless).num_args(1..).action(ArgAction::Append)
        }
        Kind::Choice { values, place: Place::Positional } => {
            one.value_name(argument.form).required(true).value_parser(choices(values))
        }
        Kind::Choice { values, place: Place::Option } => {
            let first = values.first().map(|choice| choice.name).unwrap_or_default();
            one.long(argument.name).value_name(argument.form).value_parser(choices(values)).default_value(first)
        }
        Kind::Flag => one.long(argument.name).action(ArgAction::SetTrue),
        Kind::Option { default } => {
            let one = one.long(argument.name).value_name(argument.form);
            match default {
                Some(default) => one.default_value(default),
                None => one,
            }
        }
        Kind::Members => {
            let roles =
                [PossibleValue::new("leader").help("The leader"), PossibleValue::new("replica").help("Every replica")];
            let role = Arg::new("role").long("role").value_name("ROLE").help("Members with this role");
            let all = Arg::new("all").long("all").action(ArgAction::SetTrue).help("Every member");
            let names = [argument.name, "role", "all"];
            let group = ArgGroup::new("members").args(names).required(true).multiple(false);
            let members = [one.value_name(argument.form), role.value_parser(roles), all];
            return command.args(members).group(group);
        }
    };
    command.arg(one)
}

fn choices(values: &[Choice]) -> Vec<PossibleValue> {
    values.iter().map(|choice| PossibleValue::new(choice.name).help(choice.help)).collect()
}

/// What was given for an argument. A default that was not typed counts as given: it says the same.
fn values(argument: &Argument, matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let flag = |name: &'static str| matches.get_flag(name).then(|| (name, String::new()));
    let text = |name: &'static str| {
        let given = matches.get_many::<String>(name).into_iter().flatten();
        given.map(move |text| (name, text.clone())).collect::<Vec<_>>()
    };
    match argument.kind {
        Kind::Flag => flag(argument.name).into_iter().collect(),
        Kind::Number => matches
            .get_one::<u32>(argument.name)
            .map(|number| (argument.name, number.to_string()))
            .into_iter()
            .collect(),
        Kind::Members => text(argument.name).into_iter().chain(text("role")).chain(flag("all")).collect(),
        Kind::Word { .. } | Kind::Changes { .. } | Kind::Choice { .. } | Kind::Option { .. } => text(argument.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Arguments;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn every_row_is_a_verb_of_the_command_line_and_says_what_it_does() {
        Arguments::command().debug_assert();
        for verb in VERBS {
            let command = Arguments::command();
            let found = command.find_subcommand(verb.name).unwrap_or_else(|| panic!("{} is missing", verb.name));
            assert_eq!(found.get_about().map(ToString::to_string).as_deref(), Some(verb.about));
        }
    }

    #[test]
    fn a_verb_is_still_known_by_its_former_name_which_help_does_not_show() {
        for line in ["pgctl-tui fix-routing", "pgctl-tui settle"] {
            let Some(crate::cli::args::Verb::Act(verb)) = Arguments::parse_from(line.split(' ')).verb else {
                panic!("{line}: no verb that acts")
            };
            assert_eq!(verb.verb.name, "fix-routing");
        }
        assert!(!Arguments::command().render_help().to_string().contains("settle"));
    }

    #[test]
    fn what_is_typed_is_what_is_wanted() {
        let wanted = |line: &str| {
            let Some(crate::cli::args::Verb::Act(verb)) = Arguments::parse_from(line.split(' ')).verb else {
                panic!("{line}: no verb that acts")
            };
            let wanted = verb.wanted(Timestamp::UNIX_EPOCH, &[RouterName::new("edge")]);
            format!("{:?}", wanted.unwrap_or_else(|error| panic!("{line}: {error}")))
        };
        for (line, parts) in [
            ("pgctl-tui switchover pg-1 --no-swift", &["Switchover", "pg-1", "swift: false"][..]),
            ("pgctl-tui switchover", &["through_poolers: None"]),
            ("pgctl-tui switchover --through-poolers no", &["through_poolers: Some(false)"]),
            ("pgctl-tui restart --all --pending", &["All", "only_pending: true"]),
            ("pgctl-tui restart --role replica", &["Role(Replica)"]),
            ("pgctl-tui cancel restart pg-2", &["CancelRestart", "pg-2"]),
            ("pgctl-tui drain pg-2 --then reinit --wait 90s", &["Drain", "Reinit", "90s"]),
            ("pgctl-tui drain pg-2", &["Leave", "60s"]),
            ("pgctl-tui server primary/pg-0 maint", &["edge", "primary", "pg-0", "Maintenance"]),
            ("pgctl-tui session terminate pg-0 4711", &["pg-0", "4711", "Terminate", "started: None"]),
            ("pgctl-tui configure ttl=30 loop_wait=", &["ttl", "Number(30)", "loop_wait", "Null"]),
            ("pgctl-tui undo 20261121-030000-0001", &["Undo", "20261121-030000-0001"]),
        ] {
            let reported = wanted(line);
            for part in parts {
                assert!(reported.contains(part), "{line}: {part} is not in {reported}");
            }
        }
    }
}
