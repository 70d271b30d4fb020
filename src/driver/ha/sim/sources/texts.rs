//! Words that occur in every answer, made once: a text is shared by counting, but made by cleaning.

use std::sync::LazyLock;

use crate::model::text::Text;

/// Defines a struct of texts and the one instance of it.
macro_rules! words {
    ($($field:ident = $word:expr;)*) => {
        /// Ready-made texts.
        pub(crate) struct Texts {
            $(pub(crate) $field: Text,)*
        }

        /// The one set of them.
        pub(crate) static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts { $($field: Text::new($word),)* });
    };
}

words! {
    streaming = "streaming";
    catchup = "catchup";
    startup = "startup";
    backup = "backup";
    replicator = "replicator";
    base_backup = "pg_basebackup";
    consumer = "orders-cdc";
    base_backup_phase = "streaming database files";
    logical_slot = "orders_cdc";
    orders = "orders";
    active = "active";
    idle_in_transaction = "idle in transaction";
    lock_relation = "Lock: relation";
    lock_transaction = "Lock: transactionid";
    client_read = "Client: ClientRead";
    sync_rep = "IPC: SyncRep";
    data_file_read = "IO: DataFileRead";
    wal_sync = "IO: WALSync";
    wal_write = "LWLock: WALWrite";
    empty = "";
    server_version = "17.11 (Debian 17.11-1.pgdg13+1)";
    hidden = "not visible to this role; grant it pg_monitor";
    agent_version = "4.1.1";
    old_agent_version = "4.0.7";
    store_version = "3.6.5";
    exporter_version = "0.17.1";
    pooler_version = "1.24.1";
    runtime_version = "Docker 28.5.1";
    backup_tool = "pgBackRest 2.55.1";
    router_version = "3.0.11-1+deb13u3";
    full = "full";
    differential = "diff";
    front = "FRONTEND";
    back = "BACKEND";
    write_section = "primary";
    read_section = "replicas";
    any_section = "any";
    stats_section = "stats";
    passed = "L7OK";
    wrong_status = "L7STS";
    refused = "L4CON";
    connect_timeout = "L4TOUT";
    answer_timeout = "L7TOUT";
    passed_words = "Layer7 check passed";
    wrong_status_words = "Layer7 wrong status";
    refused_words = "Connection refused";
    connect_timeout_words = "Layer4 timeout";
    answer_timeout_words = "Layer7 timeout";
    unreadable = "members/pg-x: not JSON";
    one_of_two = "1/2";
    one_of_three = "1/3";
    two_of_three = "2/3";
    running = "running";
    paused = "paused";
    exited = "exited";
}
