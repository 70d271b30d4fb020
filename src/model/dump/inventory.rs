//! The dumps of a directory.

use jiff::Timestamp;
use serde::Serialize;

use super::{DumpDescription, DumpFormat};
use crate::model::text::Text;

/// One dump of a directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ListedDump {
    /// Where it is, below the directory.
    pub path: Text,
    /// Other names of the same file: a dump that is the daily and the weekly one too is there once.
    pub other_names: Vec<Text>,
    /// When it was written last: the one time of it whose zone is known.
    pub modified: Timestamp,
    /// What it is; of one that is damaged, as far as that can be told.
    pub dump: DumpDescription,
    /// The database, by its own word, or else by its name.
    pub database: Option<Text>,
    /// What is wrong with it, as far as header and table of contents tell.
    pub defect: Option<Text>,
}

impl ListedDump {
    /// Whether it is a dump as far as its beginning tells.
    pub fn is_readable(&self) -> bool {
        self.defect.is_none()
    }
}

/// What is odd about a directory of dumps, beside single ones.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryDefect {
    /// A link that leads nowhere.
    BrokenLink {
        /// Link.
        link: Text,
    },
    /// A link to the latest dump that leads to another one.
    LatestIsNot {
        /// Link.
        link: Text,
        /// Where it leads.
        leads_to: Text,
        /// The newest that can be read.
        newest: Text,
    },
    /// A part that cannot be read.
    Unreadable {
        /// Where.
        path: Text,
        /// Why.
        why: Text,
    },
    /// There is more than is listed.
    TooMany {
        /// Files that were looked at.
        looked_at: usize,
    },
}

impl DirectoryDefect {
    /// In one sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::BrokenLink { link } => format!("{link} is a broken link"),
            Self::LatestIsNot { link, leads_to, newest } => {
                format!("{link} points to {leads_to}, but the newest readable dump is {newest}")
            }
            Self::Unreadable { path, why } => format!("{path} cannot be read: {why}"),
            Self::TooMany { looked_at } => format!("there are more files: {looked_at} were listed"),
        }
    }
}

/// The dumps of a directory, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DumpInventory {
    /// Dumps.
    pub dumps: Vec<ListedDump>,
    /// What is odd.
    pub defects: Vec<DirectoryDefect>,
}

impl DumpInventory {
    /// The newest dump of the same database before that at `index` that can be read: what its size is compared with.
    pub fn before(&self, index: usize) -> Option<&ListedDump> {
        let this = self.dumps.get(index)?;
        // Written another way, the same rows are another size.
        let form = |dump: &ListedDump| (dump.dump.format, dump.dump.compression, dump.dump.wrapped_in);
        let mut others = self.dumps.iter().skip(index + 1);
        others.find(|other| other.is_readable() && other.database == this.database && form(other) == form(this))
    }

    /// Bytes on disk, each file once.
    pub fn bytes(&self) -> u64 {
        self.dumps.iter().filter_map(|dump| dump.dump.size).sum()
    }

    /// Dumps that can be read.
    pub fn readable(&self) -> usize {
        self.dumps.iter().filter(|dump| dump.is_readable() && dump.dump.format != DumpFormat::Unknown).count()
    }
}
