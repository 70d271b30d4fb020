//! `doctor`: one line and one remedy for each endpoint and aspect.

use super::args::DoctorOutput;
use super::exit::Exit;
use super::printer::Printer;
use crate::model::checkup::{CheckLine, CheckupVerdict};
use crate::model::name::ClusterName;
use crate::report::line::Line;
use crate::report::table::Tone;

/// Shows the lines of every cluster. Exit codes: 0 nothing to mend, 1 something warns, fails or could not be examined
/// though it should have been, 5 no endpoint could be examined at all.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(
    clusters: &[(ClusterName, Vec<CheckLine>)],
    output: DoctorOutput,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    match output {
        DoctorOutput::Json => {
            let listed: Vec<_> =
                clusters.iter().map(|(name, lines)| serde_json::json!({ "cluster": name, "checks": lines })).collect();
            let document = serde_json::json!({ "schema_version": 1, "clusters": listed });
            printer.document(&serde_json::to_string_pretty(&document)?)?;
        }
        DoctorOutput::Table => {
            for (name, lines) in clusters {
                table(name, lines, printer)?;
            }
        }
    }
    Ok(exit(clusters.iter().flat_map(|(_, lines)| lines).map(|line| line.verdict)))
}

/// What scripts are told.
fn exit(verdicts: impl Iterator<Item = CheckupVerdict> + Clone) -> Exit {
    let is_silent = |verdict| matches!(verdict, CheckupVerdict::Skipped | CheckupVerdict::Unknown);
    if verdicts.clone().all(is_silent) {
        return Exit::Unknown;
    }
    match verdicts.max() {
        None => Exit::Unknown,
        Some(CheckupVerdict::Pass | CheckupVerdict::Skipped) => Exit::Done,
        Some(CheckupVerdict::Warn | CheckupVerdict::Unknown | CheckupVerdict::Fail) => Exit::Findings,
    }
}

fn table(name: &ClusterName, lines: &[CheckLine], printer: &mut Printer) -> anyhow::Result<()> {
    printer.line(&Line::new().with(name.as_str(), Tone::Strong))?;
    let width = lines.iter().map(|line| line.source.to_string().chars().count()).max().unwrap_or(0);
    for check in lines {
        let tone = match check.verdict {
            CheckupVerdict::Pass => Tone::Ok,
            CheckupVerdict::Warn => Tone::Warning,
            CheckupVerdict::Skipped => Tone::Dim,
            CheckupVerdict::Unknown => Tone::Stale,
            CheckupVerdict::Fail => Tone::Critical,
        };
        let source = check.source.to_string();
        let line = Line::new()
            .with(format!("  {:<7} ", check.verdict.as_str()), tone)
            .plain(format!("{source:<width$}  "))
            .dim(format!("{:<13} ", check.aspect))
            .plain(check.text.as_str());
        printer.line(&line)?;
        if !check.remedy.is_empty() && check.verdict != CheckupVerdict::Pass {
            printer.line(&Line::new().dim(format!("          → {}", check.remedy)))?;
        }
    }
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let summary = format!(
        "  {} ok, {} skipped, {} warn, {} fail, {} unknown",
        count(CheckupVerdict::Pass),
        count(CheckupVerdict::Skipped),
        count(CheckupVerdict::Warn),
        count(CheckupVerdict::Fail),
        count(CheckupVerdict::Unknown)
    );
    printer.line(&Line::new().dim(summary))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::CheckupVerdict::{Fail, Pass, Skipped, Unknown, Warn};
    use super::*;

    #[rstest]
    #[case::healthy(&[Pass, Pass], Exit::Done)]
    #[case::acting_logins_are_left_out(&[Pass, Skipped], Exit::Done)]
    #[case::warned(&[Pass, Skipped, Warn], Exit::Findings)]
    #[case::not_all_examined(&[Pass, Unknown], Exit::Findings)]
    #[case::failed(&[Fail, Fail], Exit::Findings)]
    #[case::nothing_examined(&[Unknown, Skipped], Exit::Unknown)]
    #[case::nothing_at_all(&[], Exit::Unknown)]
    fn scripts_are_reported_to_look_only_where_there_is_something_to_repair(
        #[case] verdicts: &[CheckupVerdict],
        #[case] expected: Exit,
    ) {
        assert_eq!(exit(verdicts.iter().copied()), expected);
    }
}
