use rstest::rstest;

use super::*;
use crate::client::certificate::ServerCertificate;
use crate::config::endpoint::SslMode;
use crate::model::checkup::CheckupVerdict;

fn lines() -> Lines {
    let endpoint = Text::new("10.0.0.1:5432");
    Lines { endpoint: endpoint.clone(), list: Checklist::new(Source::new(SourceKind::Sql, "pg-0"), endpoint) }
}

fn access(sslmode: SslMode) -> PostgresAccess {
    PostgresAccess::of("monitor", sslmode)
}

fn least() -> PrivilegesRow {
    PrivilegesRow {
        superuser: false,
        replication: false,
        create_role: false,
        create_database: false,
        bypass_rls: false,
        read_stats: true,
        read_settings: true,
        list_archive: true,
        signal_backend: false,
        write_files: false,
        execute_program: false,
        promote: false,
        switch_wal: false,
        read_only: "on".to_owned(),
        tls: true,
    }
}

fn judged(fill: impl FnOnce(&mut Lines)) -> Vec<(CheckAspect, CheckupVerdict, String)> {
    let mut lines = lines();
    fill(&mut lines);
    lines.list.into_lines().into_iter().map(|line| (line.aspect, line.verdict, line.text.to_string())).collect()
}

#[rstest]
#[case::exactly_enough(least(), CheckupVerdict::Pass, "only pg_monitor")]
#[case::too_few(PrivilegesRow { read_stats: false, ..least() }, CheckupVerdict::Warn, "too few")]
#[case::too_many(PrivilegesRow { signal_backend: true, ..least() }, CheckupVerdict::Warn, "pg_signal_backend")]
#[case::superuser(PrivilegesRow { superuser: true, promote: true, ..least() }, CheckupVerdict::Warn, "superuser")]
#[case::dropped_settings(PrivilegesRow { read_only: "off".to_owned(), ..least() }, CheckupVerdict::Fail, "pooler")]
fn privileges_are_weighed(#[case] row: PrivilegesRow, #[case] verdict: CheckupVerdict, #[case] word: &str) {
    let mut lines = lines();
    lines.privileges(&Ok(row));
    let found = lines.list.into_lines();
    let [line] = &found[..] else { panic!("one line: {found:?}") };
    assert_eq!(line.verdict, verdict);
    assert!(format!("{} {}", line.text, line.remedy).contains(word), "{line:?}");
}

#[rstest]
#[case(150_004, "15.4 (Debian 15.4-1)", CheckupVerdict::Pass, "PostgreSQL 15.4, supported")]
#[case(130_020, "13.20", CheckupVerdict::Warn, "PostgreSQL 13.20, unsupported since")]
#[case(140_020, "14.20", CheckupVerdict::Warn, "PostgreSQL 14.20, unsupported since")]
#[case(190_000, "19.0", CheckupVerdict::Warn, "newer than the versions known to this program")]
#[case(190_000, "19rc1 (Debian 19~rc1-1)", CheckupVerdict::Warn, "PostgreSQL 19rc1 is a pre-release version")]
fn versions_have_an_end(
    #[case] version: u32,
    #[case] name: &str,
    #[case] verdict: CheckupVerdict,
    #[case] words: &str,
) {
    let now = "2026-11-21T00:00:00Z";
    let server = ServerRow {
        version,
        started: Timestamp::UNIX_EPOCH,
        cluster_name: String::new(),
        max_connections: 100,
        reserved_connections: 3,
        version_text: name.to_owned(),
        address: None,
        port: None,
        peer: None,
        system_id: None,
    };
    let mut lines = lines();
    lines.version(&server, now.parse().unwrap());
    let found = lines.list.into_lines();
    assert_eq!(found[0].verdict, verdict);
    assert!(found[0].text.as_str().contains(words), "{found:?}");
}

#[rstest]
#[case::in_step(0, 40, CheckupVerdict::Pass, "in sync")]
#[case::explained_by_the_round_trip(1900, 4000, CheckupVerdict::Pass, "in sync")]
#[case::ahead(3000, 40, CheckupVerdict::Warn, "ahead of")]
#[case::far_behind(-40_000, 40, CheckupVerdict::Fail, "behind")]
fn a_clock_is_judged_beyond_the_uncertainty_of_the_round_trip(
    #[case] offset: i64,
    #[case] round_trip: i64,
    #[case] verdict: CheckupVerdict,
    #[case] word: &str,
) {
    let before: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
    let after = before + SignedDuration::from_millis(round_trip);
    let server = before + SignedDuration::from_millis(round_trip / 2 + offset);
    let found = judged(|lines| lines.clock(server, before, after, &Thresholds::default()));
    assert_eq!(found[0].1, verdict, "{found:?}");
    assert!(found[0].2.contains(word), "{found:?}");
}

#[rstest]
#[case(90, CheckupVerdict::Pass)]
#[case(20, CheckupVerdict::Warn)]
#[case(3, CheckupVerdict::Fail)]
#[case(-2, CheckupVerdict::Fail)]
fn a_certificate_near_its_end_is_reported(#[case] days: i64, #[case] verdict: CheckupVerdict) {
    let now: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
    let certificate = ServerCertificate {
        subject: "CN=pg-0".to_owned(),
        issuer: "CN=ca".to_owned(),
        names: Vec::new(),
        not_before: 0,
        not_after: u64::try_from(now.as_second() + days * 86_400 + 60).unwrap(),
        distrust: None,
    };
    let how = Encryption::Tls { verified: Verify::Full, certificate: Some(certificate) };
    let found = judged(|lines| lines.encryption(&access(SslMode::VerifyFull), &how, &Thresholds::default(), now));
    assert_eq!(found[0].1, CheckupVerdict::Pass);
    assert_eq!(found[1].1, verdict, "{found:?}");
}

#[test]
fn plain_text_over_the_network_is_worth_a_warning() {
    let now = Timestamp::UNIX_EPOCH;
    let found =
        judged(|lines| lines.encryption(&access(SslMode::Prefer), &Encryption::Plain, &Thresholds::default(), now));
    assert_eq!(found[0].1, CheckupVerdict::Warn);
    assert!(found[0].2.contains("prefer"));
}

#[rstest]
#[case(PostgresError::Refused, CheckAspect::Reach, 5)]
#[case(PostgresError::NoTls, CheckAspect::Tls, 4)]
#[case(PostgresError::Password("no".to_owned()), CheckAspect::Credentials, 3)]
#[case(PostgresError::TooOld("9.6".to_owned()), CheckAspect::Version, 1)]
fn what_follows_a_failure_is_unknown_and_what_precedes_it_is_not(
    #[case] error: PostgresError,
    #[case] at: CheckAspect,
    #[case] unknown: usize,
) {
    let found = judged(|lines| lines.refused(&error, None));
    let failed: Vec<_> = found.iter().filter(|line| line.1 == CheckupVerdict::Fail).map(|line| line.0).collect();
    assert_eq!(failed, [at]);
    assert_eq!(found.iter().filter(|line| line.1 == CheckupVerdict::Unknown).count(), unknown, "{found:?}");
}
