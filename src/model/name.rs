//! Names as types, so that a node is never passed where a cluster is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::Text;

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Text);

        impl $name {
            /// Takes a name from outside; control and escape sequences are removed.
            pub fn new(raw: impl AsRef<str>) -> Self {
                Self(Text::new(raw))
            }

            /// The name as text that may be drawn.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name as [`Text`].
            pub fn text(&self) -> &Text {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(raw: &str) -> Self {
                Self::new(raw)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
    };
}

name! {
    /// A cluster as the configuration calls it; what the operator types to confirm.
    ClusterName
}

name! {
    /// A database node as its high-availability manager calls it (Patroni's member name, repmgr's node name, a pod).
    NodeName
}

name! {
    /// A router process as the configuration calls it.
    RouterName
}

name! {
    /// A pooler process as the configuration calls it.
    PoolerName
}

name! {
    /// An assertion as the configuration calls it.
    AssertionName
}
