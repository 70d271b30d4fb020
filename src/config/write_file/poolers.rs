//! `[poolers.NAME]`.

use super::super::address::HostPort;
use super::super::discovered::Discovered;
use super::file::{File, clean, key, text};

pub(super) fn poolers(file: &mut File, cluster: &str, found: &Discovered) {
    let mut names = std::collections::BTreeSet::new();
    for (index, pooler) in found.poolers.iter().enumerate() {
        let name = clean(&pooler.name);
        let name = if name.is_empty() || names.contains(&name) { format!("pooler-{index}") } else { name };
        let address = pooler.address.as_deref().filter(|address| HostPort::parse(address).is_some());
        let login = pooler.login.as_ref().filter(|login| !clean(&login.user).is_empty());
        let (Some(address), Some(login)) = (address, login) else {
            file.prose(format!("Pooler {name} was found, but it cannot be queried as it is:"));
            pooler.remarks.iter().for_each(|remark| file.prose(remark));
            example(file, cluster, &name, address);
            continue;
        };
        names.insert(name.clone());
        file.comment("A connection pooler, by its admin console; a user of stats_users is enough.");
        file.table(&format!("{cluster}.poolers.{}", key(&name)));
        file.set("address", &text(address), "");
        file.login(Some(login));
        pooler.remarks.iter().for_each(|remark| file.prose(remark));
        let databases: Vec<String> = pooler.databases.iter().map(|name| text(&clean(name))).collect();
        let what = "those that must route to the primary";
        if databases.is_empty() {
            file.comment(format!("databases = [\"app\"]   # {what}"));
        } else {
            file.set("databases", &format!("[{}]", databases.join(", ")), what);
        }
        acting(file);
        file.blank();
    }
    if found.poolers.is_empty() {
        example(file, cluster, "pgbouncer", None);
    }
}

fn example(file: &mut File, cluster: &str, name: &str, address: Option<&str>) {
    file.comment(format!("[{cluster}.poolers.{}]", key(name)));
    let address = address.unwrap_or("10.0.0.31:6432");
    file.comment(format!("address = {}   # or socket = \"/var/run/postgresql\"", text(address)));
    file.comment("user = \"stats\"                # of stats_users in pgbouncer.ini");
    file.comment("password_env = \"PGBOUNCER_PASSWORD\"");
    file.comment("databases = [\"app\"]           # those that must route to the primary");
    acting(file);
    file.blank();
}

fn acting(file: &mut File) {
    let what = "of admin_users, for `pooler pause` and its like";
    file.comment(format!("acting = {{ user = \"pooler_admin\", password_env = \"PGBOUNCER_ADMIN\" }}   # {what}"));
}
