//! What real poolers said, decoded.

use std::path::PathBuf;
use std::time::Duration;

use rstest::rstest;

use super::{rows, sockets};
use crate::client::pgbouncer::Rows;
use crate::model::pooler::{
    ConnectionLimit, GiveUp, Pool, PoolMode, PoolerDatabase, PoolerRights, PoolerState, ServerAddress,
};

/// One answer of `version` in `situation`.
fn recorded(version: &str, situation: &str, shown: &str) -> Rows {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/pgbouncer-{version}/{situation}/{shown}.csv"));
    let mut reader = csv::Reader::from_path(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let columns = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(|cell| Some(cell.to_owned())).collect());
    Rows::new(columns, rows.collect())
}

fn pool(version: &str, situation: &str) -> Pool {
    let [pool] = rows::pools(&recorded(version, situation, "pools")).try_into().unwrap();
    pool
}

fn database(version: &str, situation: &str) -> PoolerDatabase {
    let [database] =
        rows::databases(&recorded(version, situation, "databases"), &["app".to_owned()]).try_into().unwrap();
    database
}

#[rstest]
fn a_working_pooler_is_read_whole(#[values("1.24", "1.26")] version: &str) {
    let pool = pool(version, "healthy");
    assert_eq!((pool.database.as_str(), pool.user.as_str()), ("app", "app"));
    assert_eq!((pool.clients_active, pool.clients_waiting, pool.servers_active), (Some(2), Some(0), Some(2)));
    assert_eq!((pool.servers(), pool.has_no_server()), (Some(2), Some(false)));
    assert_eq!((pool.longest_wait, pool.mode), (Some(Duration::ZERO), Some(PoolMode::Transaction)));
    let database = database(version, "healthy");
    assert_eq!((database.address().unwrap().as_str(), database.is_configured), ("pg-0:5432", true));
    assert_eq!((database.paused, database.disabled), (Some(false), Some(false)));
    assert_eq!((database.pool_size, database.max_connections), (Some(20), Some(ConnectionLimit::Unlimited)));
    assert_eq!((database.connections, database.client_connections), (Some(2), Some(2)));
    let sockets = rows::sockets(&recorded(version, "healthy", "lists"));
    assert_eq!((sockets.used_clients, sockets.login_clients, sockets.used_servers), (Some(3), Some(0), Some(2)));
    let traffic = rows::traffic(&recorded(version, "healthy", "stats"));
    assert!(traffic.len() == 1 && traffic[0].transactions.is_some_and(|count| count > 0), "{traffic:?}");
    let settings = rows::settings(&recorded(version, "healthy", "config"));
    assert_eq!(settings.query_wait_timeout, Some(GiveUp::After(Duration::from_secs(120))));
    assert_eq!(settings.server_login_retry, Some(Duration::from_secs(15)));
    assert_eq!((settings.max_client_connections, settings.default_pool_size), (Some(200), Some(20)));
    assert_eq!(settings.shares_port, Some(false));
    let rights = |user| rows::rights(&settings, user, false);
    assert_eq!(rights("pooler_admin"), PoolerRights::Admin);
    assert_eq!(rights("pooler_stats"), PoolerRights::Stats);
    assert_eq!(rights("pgbouncer"), PoolerRights::Unknown, "only over the socket");
    assert_eq!(rows::rights(&settings, "pgbouncer", true), PoolerRights::Admin);
}

#[rstest]
#[case("healthy", PoolerState::Active, false)]
#[case("paused-database", PoolerState::Active, true)]
#[case("pause-waiting", PoolerState::Active, true)]
#[case::only_the_state_tells("paused-all", PoolerState::Paused, false)]
fn a_pause_is_told_by_the_database_or_by_the_state(
    #[values("1.24", "1.26")] version: &str,
    #[case] situation: &str,
    #[case] state: PoolerState,
    #[case] paused: bool,
) {
    assert_eq!(rows::state(&recorded(version, situation, "state")), state);
    assert_eq!(database(version, situation).paused, Some(paused));
}

#[test]
fn a_suspended_pooler_says_so_where_the_version_can() {
    assert_eq!(rows::state(&recorded("1.24", "suspended", "state")), PoolerState::Suspended);
    assert_eq!(rows::state(&Rows::default()), PoolerState::Unknown);
}

#[rstest]
fn a_pause_that_waits_has_a_server_left_and_one_that_is_done_has_none(#[values("1.24", "1.26")] version: &str) {
    assert_eq!(pool(version, "pause-waiting").servers_active, Some(1));
    assert_eq!(pool(version, "paused-database").servers_active, Some(0));
    assert!(pool(version, "paused-database").longest_wait >= Some(Duration::from_secs(1)));
}

#[rstest]
fn who_waits_for_a_login_is_counted_and_its_wait_is_the_poolers(#[values("1.24", "1.26")] version: &str) {
    let pool = pool(version, "killed");
    assert_eq!((pool.clients_waiting, pool.longest_wait), (Some(1), Some(Duration::ZERO)), "no wait is shown");
    assert_eq!(pool.has_no_server(), Some(true));
    let waits = sockets::login_waits(&recorded(version, "killed", "clients")).unwrap();
    let [wait] = waits.as_slice() else { panic!("{waits:?}") };
    assert_eq!((wait.database.as_str(), wait.user.as_str(), wait.clients), ("app", "app", 1));
    assert!(wait.longest.is_some_and(|longest| (4..15).contains(&longest.as_secs())), "{wait:?}");
    // Who has a wait of its own asked for a server, and is let in.
    for situation in ["healthy", "clients-waiting", "paused-database", "login-failing"] {
        assert_eq!(sockets::login_waits(&recorded(version, situation, "clients")), Some(Vec::new()), "{situation}");
    }
}

#[rstest]
fn failing_logins_leave_a_pool_without_servers(#[values("1.24", "1.26")] version: &str) {
    let pool = pool(version, "login-failing");
    assert_eq!((pool.has_no_server(), pool.clients_waiting), (Some(true), Some(1)));
    assert!(pool.longest_wait >= Some(Duration::from_secs(3)));
}

#[rstest]
fn servers_of_an_old_address_are_seen_although_the_database_leads_elsewhere(#[values("1.24", "1.26")] version: &str) {
    assert_ne!(database(version, "old-address").host, database(version, "healthy").host);
    let servers = sockets::servers(&recorded(version, "old-address", "servers"));
    let closing: Vec<&ServerAddress> = servers.iter().filter(|server| server.closing > 0).collect();
    let [old] = closing.as_slice() else { panic!("{servers:?}") };
    assert_eq!((old.connections, old.active, old.closing, old.port), (1, 1, 1, Some(5432)));
    assert_eq!(servers.len(), 2, "{servers:?}");
    assert!(sockets::servers(&recorded(version, "moved", "servers")).iter().all(|server| server.closing == 0));
}

#[rstest]
fn a_disabled_database_says_so(#[values("1.24", "1.26")] version: &str) {
    assert_eq!(database(version, "disabled").disabled, Some(true));
}

/// 1.18 has other columns: what it does not tell is not 0.
#[test]
fn columns_that_a_release_does_not_have_are_unknown() {
    let table = |head: &str, row: &str| {
        let cells = |line: &str| line.split('|').map(ToOwned::to_owned).collect::<Vec<_>>();
        Rows::new(cells(head), vec![cells(row).into_iter().map(Some).collect()])
    };
    let head = "name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool|pool_mode|max_connections|\
                current_connections|paused|disabled";
    let old = rows::databases(&table(head, "app|10.0.0.1|5432|app||20|0|5||0|3|0|0"), &[]);
    assert_eq!((old[0].reserve_pool_size, old[0].connections), (Some(5), Some(3)));
    assert_eq!((old[0].client_connections, old[0].max_client_connections), (None, None));
    let head = "database|user|cl_active|cl_waiting|cl_cancel_req|sv_active|sv_idle|sv_used|sv_tested|sv_login|maxwait|\
                maxwait_us|pool_mode";
    let old = rows::pools(&table(head, "app|app|1|0|0|1|0|0|0|0|0|0|transaction"));
    assert_eq!((old[0].servers_canceling, old[0].load_balance_hosts.as_ref()), (None, None));
    assert_eq!(old[0].servers(), Some(1));
    let none = sockets::login_waits(&table("type|user|database|state", "C|app|app|waiting"));
    assert_eq!(none, None, "no column tells waits");
    let mut next = rows::pools(&table("database|user|cl_active|something_new", "app|app|4|x"));
    assert_eq!((next[0].clients_active, next.remove(0).clients_waiting), (Some(4), None));
}
