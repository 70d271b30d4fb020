//! `doctor`: every endpoint is examined at the same time, none waits for another, and one that hangs is given up.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::source::{FailureKind, Source};
use crate::model::text::Text;

/// Examines every endpoint, for at most `longest` each, and returns the lines in the order of `checks`.
pub async fn examine(checks: Vec<(Source, Box<dyn Check>)>, longest: Duration) -> Vec<CheckLine> {
    let each = checks.into_iter().map(|(source, mut check)| async move {
        match timeout(longest, check.check()).await {
            Ok(lines) => lines,
            Err(_) => vec![CheckLine {
                source,
                endpoint: check.endpoint(),
                aspect: CheckAspect::Reach,
                verdict: CheckupVerdict::Fail,
                text: Text::new(format!("{}: no response after {} s", check.endpoint(), longest.as_secs())),
                remedy: Text::new(FailureKind::TimedOut.remedy()),
            }],
        }
    });
    join_all(each).await.into_iter().flatten().collect()
}
