//! A leader dies, and everything that follows, in its order and with its times.

use super::*;

#[test]
fn look() {
    let mut bench = Bench::new(7, Scenario::Demo);
    for i in 0..120 {
        let now = at(f64::from(i) * 10.0);
        let rec = bench.record(now);
        match &rec {
            Ok(r) => println!(
                "--- {now:?} leader {:?} lease {:?} rev {} sync {:?} fo {:?} hist {:?} paused {}",
                r.leader.as_ref().map(|l| l.holder.to_string()),
                r.leader.as_ref().and_then(|l| l.lease_left),
                r.revision,
                r.sync.as_ref().map(|s| s.standbys.clone()),
                r.failover,
                r.history.last().map(|h| (h.timeline, h.new_leader.clone())),
                r.is_paused()
            ),
            Err(e) => println!("--- {now:?} {e}"),
        }
        for n in ["pg-0", "pg-1", "pg-2", "pg-3"] {
            let a = bench.agent(now, n);
            let s = bench.sql(now, n);
            let m = rec.as_ref().ok().and_then(|r| r.member(&n.into()).cloned());
            println!(
                "{n} rest {:?} | key {:?} | sql {:?}",
                a.as_ref().map(|a| (a.role.clone(), a.state.clone(), a.timeline)).map_err(|e| e.brief()),
                m.map(|m| (m.role, m.state, m.timeline)),
                s.as_ref()
                    .map(|s| (
                        s.in_recovery,
                        s.position.furthest(),
                        s.replay.map(|r| r.lag),
                        s.receiver.as_ref().map(|r| r.sender_host.clone()),
                        s.connections.used,
                        s.sessions.len()
                    ))
                    .map_err(|e| e.brief())
            );
            if let Ok(s) = s {
                for d in s.downstream {
                    println!(
                        "      {} {:?} send {:?} w {:?} rp {:?} t {:?}",
                        d.application, d.state, d.send_lag, d.write_lag, d.replay_lag, d.replay_time
                    );
                }
                if i % 20 == 0 {
                    println!(
                        "      {:?}",
                        s.slots.iter().map(|s| (s.name.to_string(), s.active, s.retained)).collect::<Vec<_>>()
                    );
                    println!("{:?} {:?} {:?}", s.archiver, s.applications, s.sessions);
                }
            }
        }
        if let Ok(r) = bench.router(now) {
            for row in &r.rows {
                if row.proxy != *"stats" && (i % 20 == 0 || row.proxy == *"primary") {
                    println!(
                        "   {}/{} {} cur {:?} tot {:?} chk {:?}",
                        row.proxy,
                        row.server,
                        row.status.word(),
                        row.sessions,
                        row.sessions_total,
                        row.check.as_ref().map(|c| c.result.to_string())
                    );
                }
            }
        }
    }
}
