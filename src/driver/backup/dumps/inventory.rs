//! The dumps of a directory on this host, by what is in them.

use std::collections::BTreeMap;
use std::fs::{DirEntry, Metadata};
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::name;
use super::verify::verify;
use crate::client::cause::chain;
use crate::client::parallel;
use crate::model::dump::{DirectoryDefect, DumpDepth, DumpFormat, DumpInventory, ListedDump};
use crate::model::text::Text;

/// Directories below the one that is listed: `last/`, `daily/`, and one more.
const MAX_DEPTH: usize = 3;
/// Files that are looked at.
const MAX_FILES: usize = 100_000;
/// What makes a directory a dump.
const TOC: &str = "toc.dat";

/// A file or directory that may be a dump, once, however many names it has.
struct Candidate {
    paths: Vec<PathBuf>,
    metadata: Metadata,
}

/// A link, with what it says.
struct Link {
    path: PathBuf,
    target: Option<PathBuf>,
}

#[derive(Default)]
struct Found {
    candidates: BTreeMap<(u64, u64), Candidate>,
    links: Vec<Link>,
    defects: Vec<DirectoryDefect>,
    looked_at: usize,
}

/// Lists the dumps below `directory`, newest first, reading no further than their tables of contents, by as many threads. Waits for the
/// disk.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn inventory(directory: &Path, threads: NonZeroUsize) -> Result<DumpInventory, Text> {
    let mut found = Found::default();
    std::fs::read_dir(directory)
        .map_err(|error| Text::redacted(format!("{}: {}", directory.display(), chain(&error))))?;
    walk(directory, directory, 0, &mut found);
    let candidates: Vec<Candidate> = found.candidates.into_values().collect();
    let mut dumps = parallel::map(candidates, |_| 0, threads, || (), |candidate, ()| listed(directory, candidate));
    dumps.retain(|dump| dump.dump.format != DumpFormat::Unknown || name::database(file_name(&dump.path)).is_some());
    dumps.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
    let mut defects = found.defects;
    defects.extend(found.links.iter().filter_map(|link| misleads(directory, link, &dumps)));
    Ok(DumpInventory { dumps, defects })
}

fn walk(root: &Path, directory: &Path, depth: usize, found: &mut Found) {
    let unreadable = |path: &Path, error: &std::io::Error| DirectoryDefect::Unreadable {
        path: below(root, path),
        why: Text::redacted(chain(error)),
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return found.defects.push(unreadable(directory, &error)),
    };
    for entry in entries {
        if found.looked_at >= MAX_FILES {
            let told = found.defects.iter().any(|defect| matches!(defect, DirectoryDefect::TooMany { .. }));
            if !told {
                found.defects.push(DirectoryDefect::TooMany { looked_at: found.looked_at });
            }
            return;
        }
        found.looked_at += 1;
        let taken = entry.and_then(|entry| take(root, &entry, depth, found));
        if let Err(error) = taken {
            found.defects.push(unreadable(directory, &error));
        }
    }
}

fn take(root: &Path, entry: &DirEntry, depth: usize, found: &mut Found) -> std::io::Result<()> {
    let path = entry.path();
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        let target = std::fs::canonicalize(&path).ok();
        found.links.push(Link { path, target });
    } else if kind.is_file() || kind.is_dir() && path.join(TOC).is_file() {
        let metadata = entry.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        found.candidates.entry(key).or_insert_with(|| Candidate { paths: Vec::new(), metadata }).paths.push(path);
    } else if kind.is_dir() && depth < MAX_DEPTH {
        walk(root, &path, depth + 1, found);
    }
    Ok(())
}

fn listed(root: &Path, candidate: Candidate) -> ListedDump {
    let Candidate { mut paths, metadata } = candidate;
    // The name that says most: that with the time in it, which is the longest.
    paths.sort_by_key(|path| (std::cmp::Reverse(path.file_name().map_or(0, std::ffi::OsStr::len)), path.clone()));
    let mut names = paths.iter().map(|path| below(root, path));
    let path = names.next().unwrap_or_default();
    let verified = paths.first().map(|path| verify(path, DumpDepth::Header, NonZeroUsize::MIN));
    let (dump, defect) = match verified {
        Some(Ok(found)) => (found.dump, found.defects.into_iter().next()),
        Some(Err(error)) => (super::verify::unread(), Some(error)),
        None => (super::verify::unread(), None),
    };
    let by_name = name::database(file_name(&path)).map(Text::new);
    ListedDump {
        database: dump.database.clone().or(by_name),
        other_names: names.collect(),
        modified: modified(&metadata),
        path,
        dump,
        defect,
    }
}

fn modified(metadata: &Metadata) -> Timestamp {
    Timestamp::from_second(metadata.mtime()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn below(root: &Path, path: &Path) -> Text {
    let path = path.strip_prefix(root).unwrap_or(path);
    Text::new(if path.as_os_str().is_empty() { ".".into() } else { path.to_string_lossy() })
}

fn file_name(path: &Text) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
}

/// What is wrong with a link: it leads nowhere, or is called the latest and leads to another dump than the newest good one.
fn misleads(root: &Path, link: &Link, dumps: &[ListedDump]) -> Option<DirectoryDefect> {
    let name = below(root, &link.path);
    let Some(target) = &link.target else { return Some(DirectoryDefect::BrokenLink { link: name }) };
    if !name::is_latest(file_name(&name)) {
        return None;
    }
    let root = std::fs::canonicalize(root).ok()?;
    let leads_to = below(&root, target);
    let database = name::database(file_name(&name))?;
    let of_it =
        |dump: &&ListedDump| dump.is_readable() && dump.database.as_ref().is_some_and(|known| known == database);
    let newest = dumps.iter().find(of_it)?;
    let is_newest = newest.path == leads_to || newest.other_names.contains(&leads_to);
    (!is_newest).then(|| DirectoryDefect::LatestIsNot { link: name, leads_to, newest: newest.path.clone() })
}
