//! What the name of a dump says, where it is one of the usual forms. Content beats it everywhere.

/// The database of a file name as `DATABASE-STAMP.SUFFIX` has it, read from the right, since the name of a database may have hyphens
/// and digits: the stamp is digits and hyphens (`20261201-131027`, `20261201`, `202649`, `202612`), or the word `latest`.
pub(super) fn database(file: &str) -> Option<&str> {
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let is_stamp = |part: &str| part.len() >= 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, last) = stem.rsplit_once('-')?;
    let database = match rest.rsplit_once('-') {
        // A day and a time.
        Some((database, day)) if is_stamp(last) && last.len() == 6 && is_stamp(day) && day.len() == 8 => database,
        _ if is_stamp(last) || last == "latest" => rest,
        _ => return None,
    };
    (!database.is_empty()).then_some(database)
}

/// Whether a link of this name leads to the newest dump.
pub(super) fn is_latest(file: &str) -> bool {
    file.split_once('.').map_or(file, |(stem, _)| stem).ends_with("-latest")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("app-20261201-131027.sql.gz", Some("app"))]
    #[case("app-test-20261201.sql.gz", Some("app-test"))]
    #[case("app-202649.sql.gz", Some("app"))]
    #[case("app-202612.dump", Some("app"))]
    #[case("app-latest.sql.gz", Some("app"))]
    #[case("ledger-2025-20261201-131027", Some("ledger-2025"))]
    #[case("app-20261201-131027-failed.sql", None)]
    #[case("20261201.sql", None)]
    #[case("notes.txt", None)]
    fn the_database_is_what_stands_before_the_stamp(#[case] file: &str, #[case] expected: Option<&str>) {
        assert_eq!(database(file), expected);
    }
}
