//! What can be wrong with a configuration, said so that it can be mended at once: where, which key, what, and what
//! would be right.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SettingLocation {
    /// In a file, at this line counted from one; `None` where no line can be told.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from one.
        line: Option<usize>,
    },
    /// In an environment variable of this name.
    Environment(String),
    /// In a flag of the command line.
    Flag(String),
}

impl fmt::Display for SettingLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigProblem {
    /// Where.
    pub location: SettingLocation,
    /// Dotted key; empty where the place says it all.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right; empty where nothing better can be said.
    pub remedy: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Why no settings came out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was asked for by name is not there.
    #[error("{}: no such file; `pgctl-tui init --patroni URL` writes one", .0.display())]
    Missing(PathBuf),
    /// A file is there and cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no cluster to look at.
    #[error(
        "no cluster configured: {} does not exist and neither --patroni nor --etcd was given; start with `pgctl-tui \
            --patroni http://HOST:8008`, create a file with `pgctl-tui init --patroni URL`, or see `pgctl-tui demo`",
        looked.display()
    )]
    Nothing {
        /// Where a file was looked for.
        looked: PathBuf,
    },
    /// Something written is wrong; everything found, not only the first.
    #[error("{}", Lines(.0))]
    Wrong(Vec<ConfigProblem>),
}

struct Lines<'a>(&'a [ConfigProblem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{complaint}")?;
        }
        Ok(())
    }
}
