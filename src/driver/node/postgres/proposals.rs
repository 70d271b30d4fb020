//! Assertions that follow from what a database holds: proposed to the operator, who knows which of them will stay true.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::failure_kind::source_error;
use super::password::Password;
use crate::client::postgres::schema::{Relation, Schema, inspect};
use crate::config::Environment;
use crate::config::discovered::{AssertionSubject, DiscoveredAssertion};
use crate::config::endpoint::PostgresAccess;
use crate::model::agent::Address;
use crate::model::source::SourceError;
use crate::model::text::Text;

/// Most names in one question.
const MAX_NAMES: usize = 100;

/// What may be asserted of the database of `access` at `address`.
///
/// # Errors
/// Whatever kept it from being looked through.
pub async fn proposals(
    access: &PostgresAccess,
    address: &Address,
    environment: &Arc<Environment>,
) -> Result<Vec<DiscoveredAssertion>, SourceError> {
    let endpoint = Text::new(address.to_string());
    let mut password = Password::new(access, address, Arc::clone(environment));
    let known = password.get().await.map_err(|error| error.at(&endpoint))?;
    let schema = inspect(access, (address.host.as_str(), address.port), known.as_ref()).await;
    schema.map(|schema| propose(&schema)).map_err(|error| source_error(&error, &endpoint, password.hint()))
}

fn propose(schema: &Schema) -> Vec<DiscoveredAssertion> {
    let mut proposed = Vec::new();
    proposed.extend(relations(&schema.tables, "tables", "'r', 'p', 'f'", AssertionSubject::Tables));
    proposed.extend(relations(&schema.views, "views", "'v', 'm'", AssertionSubject::Views));
    let extensions: Vec<&str> = schema.extensions.iter().map(String::as_str).filter(|name| is_plain(name)).collect();
    if !extensions.is_empty() {
        proposed.push(DiscoveredAssertion {
            name: "extensions".to_owned(),
            sql: format!("SELECT count(*) FROM pg_catalog.pg_extension WHERE extname IN ({})", list(&extensions)),
            expect: as_count(extensions.len()),
            subject: AssertionSubject::Extensions,
        });
    }
    for (relation, quoted, rows) in &schema.references {
        if is_plain(quoted) {
            proposed.push(DiscoveredAssertion {
                name: format!("rows-of-{}", describe_relation(relation)),
                sql: format!("SELECT count(*) FROM {quoted}"),
                expect: *rows,
                subject: AssertionSubject::Rows,
            });
        }
    }
    proposed
}

/// One question a schema: how many of the relations that are there now are there. New ones change nothing.
fn relations(relations: &[Relation], what: &str, kinds: &str, subject: AssertionSubject) -> Vec<DiscoveredAssertion> {
    let mut by_schema: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Relation { schema, name } in relations.iter().filter(|one| is_plain(&one.schema) && is_plain(&one.name)) {
        by_schema.entry(schema).or_default().push(name);
    }
    let one = |(schema, mut names): (&str, Vec<&str>)| {
        names.truncate(MAX_NAMES);
        DiscoveredAssertion {
            name: format!("{schema}-{what}"),
            sql: format!(
                "SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE n.nspname = {} AND c.relkind IN ({kinds}) AND c.relname IN ({})",
                literal(schema),
                list(&names)
            ),
            expect: as_count(names.len()),
            subject,
        }
    };
    by_schema.into_iter().map(one).collect()
}

/// `public` needs no mention.
fn describe_relation(relation: &Relation) -> String {
    if relation.schema == "public" { relation.name.clone() } else { format!("{}.{}", relation.schema, relation.name) }
}

/// Whether a name is the same once it was cleaned for a file: otherwise it would be another one there.
fn is_plain(name: &str) -> bool {
    Text::new(name).as_str() == name && !name.contains('\\')
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
}

fn literal(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

fn as_count(names: usize) -> u64 {
    u64::try_from(names).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(schema: &str, name: &str) -> Relation {
        Relation { schema: schema.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn what_is_there_now_is_proposed_and_what_comes_later_changes_no_answer() {
        let schema = Schema {
            tables: vec![relation("public", "accounts"), relation("public", "o'hara"), relation("audit", "log")],
            views: vec![relation("public", "balances")],
            extensions: vec!["pgcrypto".to_owned(), "uuid-ossp".to_owned()],
            references: vec![(relation("public", "currencies"), "public.currencies".to_owned(), 8)],
        };
        let proposed = propose(&schema);
        let short: Vec<_> = proposed.iter().map(|one| (one.name.as_str(), one.expect)).collect();
        let expected = [
            ("audit-tables", 1),
            ("public-tables", 2),
            ("public-views", 1),
            ("extensions", 2),
            ("rows-of-currencies", 8),
        ];
        assert_eq!(short, expected);
        assert!(proposed[1].sql.ends_with("c.relname IN ('accounts', 'o''hara')"), "{}", proposed[1].sql);
        assert_eq!(proposed[4].sql, "SELECT count(*) FROM public.currencies");
    }

    #[test]
    fn a_name_that_a_file_cannot_hold_is_left_out_and_an_empty_database_proposes_nothing() {
        let odd = Schema { tables: vec![relation("public", "a\u{1b}[2Jb")], ..Schema::default() };
        assert_eq!(propose(&odd), []);
        assert_eq!(propose(&Schema::default()), []);
    }
}
