//! What is said of a fault that hit some of its parts and not others.

use rstest::rstest;

use super::*;
use crate::driver::port::ReplyVerdict;

fn part(name: &str) -> ClusterPart {
    ClusterPart::Dcs(Text::new(name))
}

fn not_sent() -> Result<Reply, NotPerformed> {
    Err(NotPerformed::NotSent(SourceError::new(FailureKind::UnexpectedAnswer, "etcd-3", "no such container (404)")))
}

fn no_answer() -> Result<Reply, NotPerformed> {
    Err(NotPerformed::NoAnswer(SourceError::new(FailureKind::TimedOut, "etcd-3", "")))
}

/// Whether the whole says that nothing was done: only then may its undo be struck out.
fn proves_nothing_done(reported: &Result<Reply, NotPerformed>) -> bool {
    match reported {
        Ok(reply) => reply.verdict == ReplyVerdict::RefusedNothingBegun,
        Err(NotPerformed::NotSent(_)) => true,
        Err(NotPerformed::NoAnswer(_)) => false,
    }
}

#[rstest]
#[case::refused(vec![not_sent()], true)]
#[case::refused_after_one_was_hit(vec![Ok(Reply::accepted("killed")), not_sent()], false)]
#[case::refused_before_one_was_hit(vec![not_sent(), Ok(Reply::accepted("killed"))], false)]
#[case::silent(vec![no_answer()], false)]
#[case::refused_before_silence(vec![not_sent(), no_answer()], false)]
#[case::in_doubt(vec![Ok(Reply::in_doubt("half of it")), not_sent()], false)]
fn nothing_is_called_undone_where_any_part_may_have_been_hit(
    #[case] outcomes: Vec<Result<Reply, NotPerformed>>,
    #[case] nothing: bool,
) {
    let mut tally = PartResults::default();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        tally.take(&part(&format!("etcd-{number}")), outcome);
    }
    let reported = tally.into_reply();
    assert_eq!(proves_nothing_done(&reported), nothing, "{reported:?}");
}

#[test]
fn a_failure_says_what_was_done_besides() {
    let mut tally = PartResults::default();
    assert!(tally.take(&part("etcd-2"), Ok(Reply::accepted("killed"))));
    assert!(!tally.take(&part("etcd-3"), not_sent()));
    let Err(NotPerformed::NoAnswer(error)) = tally.into_reply() else { panic!("one was hit") };
    assert!(error.to_string().contains("etcd-2") && error.to_string().contains("404"), "{error}");
}
