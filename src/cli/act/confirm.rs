//! Confirming: by flags where nobody sits at the terminal, else by what the operator types. Nothing is confirmed by
//! silence.

use std::io::{IsTerminal as _, Write as _};

use super::args::Acting;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::permit::Confirmation;
use crate::action::plan::{Confirm, Plan};
use crate::model::text::Text;

/// The operator's answer.
pub(super) enum ConfirmAnswer {
    /// Go.
    Confirmed(Confirmation),
    /// No, or not as it should be; why, in one line.
    Refused(String),
}

/// Who can be asked. Apart from the terminal, so that tests can answer.
pub(super) trait AskOperator {
    /// Whether there is anybody.
    fn is_there(&self) -> bool;

    /// Asks, and returns the line typed, without its end; `None`: nobody answers any more.
    async fn ask(&mut self, question: &str) -> Option<String>;
}

/// The operator at the terminal.
pub(super) struct TerminalOperator;

impl AskOperator for TerminalOperator {
    fn is_there(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    async fn ask(&mut self, question: &str) -> Option<String> {
        let question = question.to_owned();
        // Waiting for a person must not keep the observers from their work.
        let typed = tokio::task::spawn_blocking(move || {
            let mut err = std::io::stderr().lock();
            write!(err, "{question} ").and_then(|()| err.flush()).ok()?;
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line).ok()?;
            (read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned())
        });
        typed.await.ok().flatten()
    }
}

/// Obtains what `plan` needs to be permitted.
pub(super) async fn confirmation(
    plan: &Plan,
    notes: &[CheckNote],
    acting: &Acting,
    operator: &mut impl AskOperator,
) -> ConfirmAnswer {
    if let Some(refusal) = unknown_override(notes, acting) {
        return ConfirmAnswer::Refused(refusal);
    }
    let known = overridable(notes);
    let overridden: Vec<Text> =
        acting.overrides.iter().filter(|check| known.contains(&check.as_str())).map(Text::new).collect();
    let blocked: Vec<&CheckNote> = notes
        .iter()
        .filter(|note| note.verdict == CheckVerdict::Block)
        .filter(|note| !(note.can_override && overridden.contains(&note.check)))
        .collect();
    if !blocked.is_empty() {
        let texts: Vec<&str> = blocked.iter().map(|note| note.text.as_str()).collect();
        return ConfirmAnswer::Refused(texts.join("; "));
    }
    let mut reason = acting.reason.clone().filter(|reason| !reason.trim().is_empty());
    if (plan.needs_reason || !overridden.is_empty()) && reason.is_none() {
        if !operator.is_there() {
            let why = if plan.needs_reason {
                format!("{} is protected", plan.cluster)
            } else {
                "a check is overridden".to_owned()
            };
            return ConfirmAnswer::Refused(format!("{why}: use --reason"));
        }
        reason = operator.ask("reason:").await.filter(|reason| !reason.trim().is_empty());
        if reason.is_none() {
            return ConfirmAnswer::Refused("no reason given".to_owned());
        }
    }
    let typed = match &plan.confirm {
        Confirm::Yes if acting.yes => None,
        Confirm::Yes if acting.confirm.is_some() => None,
        Confirm::Yes if operator.is_there() => match operator.ask("continue? [y/N]").await.as_deref() {
            Some("y" | "Y" | "yes") => None,
            _ => return ConfirmAnswer::Refused("not confirmed".to_owned()),
        },
        Confirm::Yes => return ConfirmAnswer::Refused("not interactive: confirm with --yes".to_owned()),
        Confirm::Type(expected) => match &acting.confirm {
            Some(name) if *expected == *name.as_str() => Some(expected.clone()),
            Some(name) => {
                return ConfirmAnswer::Refused(format!("--confirm {name} does not match: expected {expected}"));
            }
            None if operator.is_there() => {
                let question = format!("type {expected} to confirm:");
                match operator.ask(&question).await {
                    Some(name) if *expected == *name.as_str() => Some(expected.clone()),
                    Some(_) | None => return ConfirmAnswer::Refused("not confirmed".to_owned()),
                }
            }
            None => {
                let hint = if acting.yes { " (--yes is not enough for this)" } else { "" };
                return ConfirmAnswer::Refused(format!("not interactive: confirm with --confirm {expected}{hint}"));
            }
        },
    };
    let reason = reason.map(Text::new);
    ConfirmAnswer::Confirmed(Confirmation { plan: Some(plan.hash()), typed, reason, overridden })
}

/// The checks that block and can be overridden.
fn overridable(notes: &[CheckNote]) -> Vec<&str> {
    let blocking = notes.iter().filter(|note| note.verdict == CheckVerdict::Block && note.can_override);
    blocking.map(|note| note.check.as_str()).collect()
}

/// An override that overrides nothing is a slip: the operator thought of another check.
fn unknown_override(notes: &[CheckNote], acting: &Acting) -> Option<String> {
    if acting.overrides_where_asked {
        return None;
    }
    let known = overridable(notes);
    let foreign = acting.overrides.iter().find(|check| !known.contains(&check.as_str()))?;
    Some(if known.is_empty() {
        format!("--override {foreign}: no blocking check can be overridden")
    } else {
        format!("--override {foreign}: blocking checks that can be overridden: {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Intent;
    use crate::action::expectation::Expectation;
    use crate::action::generation::Generation;
    use crate::action::intent::LeadIntent;
    use crate::action::plan::Danger;

    /// An operator who says these lines, and nothing after them; without lines nobody is there.
    struct ScriptedOperator(Vec<&'static str>, bool);

    impl AskOperator for ScriptedOperator {
        fn is_there(&self) -> bool {
            self.1
        }

        async fn ask(&mut self, _question: &str) -> Option<String> {
            if self.0.is_empty() { None } else { Some(self.0.remove(0).to_owned()) }
        }
    }

    fn plan(confirm: Confirm) -> Plan {
        Plan {
            cluster: "lab".into(),
            intent: Intent::Lead(LeadIntent::Pause),
            title: "pause lab".into(),
            generation: Generation::default(),
            danger: Danger::Reversible,
            confirm,
            needs_reason: false,
            checks: Vec::new(),
            steps: Vec::new(),
            no_return: 0,
            impact: Vec::new(),
            equivalent: Vec::new(),
            expectation: Expectation::default(),
        }
    }

    async fn answer(
        plan: &Plan,
        notes: &[CheckNote],
        acting: Acting,
        mut says: ScriptedOperator,
    ) -> Result<Confirmation, String> {
        match confirmation(plan, notes, &acting, &mut says).await {
            ConfirmAnswer::Confirmed(confirmation) => Ok(confirmation),
            ConfirmAnswer::Refused(why) => Err(why),
        }
    }

    fn nobody() -> ScriptedOperator {
        ScriptedOperator(Vec::new(), false)
    }

    #[tokio::test]
    async fn without_a_terminal_and_without_flags_nothing_is_confirmed() {
        let yes = plan(Confirm::Yes);
        assert!(answer(&yes, &[], Acting::default(), nobody()).await.unwrap_err().contains("--yes"));
        let typed = plan(Confirm::Type("lab".into()));
        let acting = Acting { yes: true, ..Acting::default() };
        assert!(
            answer(&typed, &[], acting, nobody()).await.unwrap_err().contains("--confirm lab (--yes is not enough")
        );
    }

    #[tokio::test]
    async fn a_wrong_name_confirms_nothing_by_flag_or_manually() {
        let typed = plan(Confirm::Type("lab".into()));
        let acting = Acting { confirm: Some("prod".to_owned()), ..Acting::default() };
        assert!(answer(&typed, &[], acting, nobody()).await.unwrap_err().contains("expected lab"));
        let reported = answer(&typed, &[], Acting::default(), ScriptedOperator(vec!["LAB"], true)).await;
        assert_eq!(reported.unwrap_err(), "not confirmed");
        let reported = answer(&typed, &[], Acting::default(), ScriptedOperator(vec!["lab"], true)).await.unwrap();
        assert_eq!((reported.typed, reported.plan), (Some("lab".into()), Some(typed.hash())));
    }

    #[tokio::test]
    async fn a_block_holds_unless_it_is_overridden_by_its_name_and_with_a_reason() {
        let plan = plan(Confirm::Yes);
        let notes = [CheckNote::new("lag", CheckVerdict::Block, "pg-1 has a replay lag of 2 GB").overridable()];
        let acting = |overrides: &[&str], reason: Option<&str>| Acting {
            yes: true,
            overrides: overrides.iter().map(|check| (*check).to_owned()).collect(),
            reason: reason.map(str::to_owned),
            ..Acting::default()
        };
        let reported = answer(&plan, &notes, acting(&[], None), nobody()).await;
        assert_eq!(reported.unwrap_err(), "pg-1 has a replay lag of 2 GB");
        let reported = answer(&plan, &notes, acting(&["lags"], Some("x")), nobody()).await;
        assert!(reported.unwrap_err().contains("can be overridden: lag"));
        assert!(answer(&plan, &notes, acting(&["lag"], None), nobody()).await.unwrap_err().contains("--reason"));
        let reported = answer(&plan, &notes, acting(&["lag"], Some("the disk is dying")), nobody()).await.unwrap();
        assert_eq!(reported.overridden, [Text::new("lag")]);
    }

    #[tokio::test]
    async fn overrides_given_for_several_actions_are_taken_where_a_check_asks() {
        let plan = plan(Confirm::Yes);
        let note = |verdict| [CheckNote::new("data-loss", verdict, "replication is asynchronous").overridable()];
        let acting = Acting {
            yes: true,
            overrides: vec!["data-loss".to_owned()],
            overrides_where_asked: true,
            reason: Some("monthly exercise".to_owned()),
            ..Acting::default()
        };
        let reported = answer(&plan, &note(CheckVerdict::Block), acting.clone(), nobody()).await.unwrap();
        assert_eq!(reported.overridden, [Text::new("data-loss")]);
        let reported = answer(&plan, &note(CheckVerdict::Pass), acting, nobody()).await.unwrap();
        assert_eq!(reported.overridden, [""; 0], "nothing is overridden where nothing blocks");
    }

    #[tokio::test]
    async fn a_protected_cluster_wants_a_reason_even_where_the_name_was_typed() {
        let plan = Plan { needs_reason: true, ..plan(Confirm::Type("lab".into())) };
        let acting = Acting { confirm: Some("lab".to_owned()), ..Acting::default() };
        assert!(answer(&plan, &[], acting.clone(), nobody()).await.unwrap_err().contains("protected"));
        assert!(answer(&plan, &[], acting.clone(), ScriptedOperator(vec!["  "], true)).await.is_err());
        assert!(answer(&plan, &[], acting, ScriptedOperator(vec!["drill"], true)).await.is_ok());
    }
}
