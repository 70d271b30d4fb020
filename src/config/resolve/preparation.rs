//! What prepares a cluster: the container, and what it makes.

use super::super::resolved::PreparationSettings;
use super::super::written::WrittenCluster;
use super::Resolver;

impl Resolver<'_> {
    pub(super) fn preparation(&mut self, at: &str, cluster: &WrittenCluster) -> Option<PreparationSettings> {
        let written = cluster.preparation.as_ref()?;
        let named = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let Some(container) = named(&written.container) else {
            let remedy = "set container = \"...\", a container name or a compose service";
            self.report_problem(&format!("{at}.preparation.container"), "none is given", remedy);
            return None;
        };
        let drills = cluster.drills.as_ref();
        Some(PreparationSettings {
            container,
            user: named(&written.user),
            database: named(&written.database),
            // Both speak of the same containers.
            engine: named(&written.engine).or_else(|| named(&drills?.engine)),
            project: named(&written.project).or_else(|| named(&drills?.project)),
        })
    }
}
