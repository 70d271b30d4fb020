//! x
mod variables;
mod yaml;
