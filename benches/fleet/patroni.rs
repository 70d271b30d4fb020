//! Patroni's REST interface: one answer a connection, in HTTP/1.0, as Patroni does.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::world::{Node, World};

/// Answers one request.
pub(crate) async fn serve(mut stream: TcpStream, node: Node, world: &World) -> Option<()> {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.ok()?;
    if read == 0 {
        return None;
    }
    world.count_question();
    let at = world.position(node.cluster);
    let xlog = if node.leads() {
        format!("\"location\": {at}")
    } else {
        format!(
            "\"received_location\": {at}, \"replayed_location\": {at}, \"replayed_timestamp\": null, \"paused\": false"
        )
    };
    let replication = if node.leads() {
        let standby = |number: u8| {
            let address = Node { number, ..node }.address();
            format!(
                "{{\"usename\": \"replicator\", \"application_name\": \"pg-{number}\", \"client_addr\": \"{address}\", \
                 \"state\": \"streaming\", \"sync_state\": \"async\", \"sync_priority\": 0}}"
            )
        };
        format!("\"replication\": [{}, {}],", standby(1), standby(2))
    } else {
        "\"replication_state\": \"streaming\",".to_owned()
    };
    let body = format!(
        "{{\"state\": \"running\", \"postmaster_start_time\": \"2000-01-01 00:00:01.000000+00:00\", \"role\": \"{}\", \
         \"server_version\": 170002, \"xlog\": {{{xlog}}}, \"timeline\": 1, {replication} \
         \"database_system_identifier\": \"{}\", \
         \"patroni\": {{\"version\": \"4.0.7\", \"scope\": \"{}\", \"name\": \"pg-{}\"}}}}",
        if node.leads() { "primary" } else { "replica" },
        World::system_id(node.cluster),
        World::scope(node.cluster),
        node.number
    );
    let answer = format!(
        "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.13.5\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}
