//! `ack`: a finding that somebody knows of sinks, and makes neither the headline nor the exit code of `status --check`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::exit::Exit;
use super::printer::Printer;
use crate::config::resolved::Settings;
use crate::model::acknowledgement::Acknowledgement;
use crate::model::finding::Finding;
use crate::model::name::ClusterName;
use crate::observe::once::settled;
use crate::observe::picture::{Handle, Picture};
use crate::report::findings::row_id;
use crate::report::line::Line;
use crate::report::table::Tone;

/// What is acknowledged of the clusters of `settings`, one line each.
///
/// # Errors
/// When standard output cannot be written.
pub fn list(known: &[Acknowledgement], settings: &Settings, printer: &mut Printer) -> anyhow::Result<Exit> {
    let configured = |one: &&Acknowledgement| settings.clusters.iter().any(|cluster| cluster.name == one.cluster);
    let mut any = false;
    for one in known.iter().filter(configured) {
        let part = if one.part.is_empty() { String::new() } else { format!("#{}", one.part) };
        let until = one.until.strftime("%Y-%m-%dT%H:%M:%SZ");
        let line = Line::new()
            .with(format!("{} ", one.cluster), Tone::Strong)
            .plain(format!("{}@{}{part} ", one.code, one.subject))
            .dim(format!("until {until} by {}: ", one.by))
            .plain(one.reason.as_str());
        printer.line(&line)?;
        any = true;
    }
    if !any {
        printer.say("no findings are acknowledged");
    }
    Ok(Exit::Done)
}

/// One picture of each cluster.
pub async fn pictures(mut handles: Vec<Handle>, timeout: Duration) -> Vec<Arc<Picture>> {
    join_all(handles.iter_mut().map(|handle| settled(handle, timeout))).await
}

/// The finding meant: by its code, or by `code@subject` where several have it, with `#part` behind that if need be.
///
/// # Errors
/// None or several fit, and which there are.
pub fn find(pictures: &[Arc<Picture>], meant: &str) -> Result<(ClusterName, Finding), String> {
    let all = || {
        pictures.iter().flat_map(|picture| {
            let name = &picture.snapshot.identity.name;
            picture.snapshot.findings.iter().map(move |finding| (name, finding))
        })
    };
    let fits = |finding: &Finding| {
        let id = row_id(finding);
        let whole = id.as_str();
        finding.code == meant || whole == meant || whole.split('#').next() == Some(meant)
    };
    let found: Vec<_> = all().filter(|(_, finding)| fits(finding)).collect();
    let names = |of: &[(&ClusterName, &Finding)]| {
        let mut names: Vec<String> = of.iter().map(|(_, finding)| row_id(finding).to_string()).collect();
        names.dedup();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    match found.as_slice() {
        [(cluster, finding)] => Ok(((*cluster).clone(), (*finding).clone())),
        [] => Err(format!("no current finding {meant}; current findings: {}", names(&all().collect::<Vec<_>>()))),
        several => Err(format!("several findings {meant}: choose one of {}, or use --cluster", names(several))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_support::{findings, healthy};

    fn picture(parts: &[&str]) -> Vec<Arc<Picture>> {
        let mut snapshot = healthy();
        let of = |part: &&str| Finding { part: (*part).into(), ..findings()[0].clone() };
        snapshot.findings = parts.iter().map(of).collect();
        vec![Arc::new(Picture { snapshot: Arc::new(snapshot), events: Arc::default(), series: Arc::default() })]
    }

    #[test]
    fn a_finding_is_meant_by_its_code_where_that_is_enough() {
        assert_eq!(find(&picture(&[""]), "replica-lags").map(|(_, finding)| finding.code), Ok("replica-lags"));
        let both = picture(&["a", "b"]);
        assert!(find(&both, "replica-lags").is_err_and(|why| why.contains("replica-lags@pg-2#a")));
        assert_eq!(find(&both, "replica-lags@pg-2#b").map(|(_, one)| one.part.to_string()), Ok("b".to_owned()));
        assert!(
            find(&both, "paused")
                .is_err_and(|why| why.starts_with("no current finding paused; current findings: replica"))
        );
    }
}
