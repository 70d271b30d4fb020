# shellcheck shell=bash

lab_help() {
    cat <<TEXT
dev/lab: a real PostgreSQL HA cluster in Docker, on loopback only.

  dev/lab up                     build what is missing, start, wait until whole
  dev/lab down [--keep]          remove containers, network and (not with --keep) data
  dev/lab image                  build the base image and the lab's image, no more
  dev/lab status                 what the cluster says, containers, what is broken
  dev/lab logs SERVICE [ARGS]    its log (ARGS as of docker logs: -f, --tail 50)
  dev/lab psql [NODE|router] [ARGS]
                                 psql as superuser on a node or through the router
  dev/lab patronictl ARGS        patronictl in a node that runs
  dev/lab wait [SECONDS]         wait until the cluster is whole
  dev/lab auth                   switch etcd's authentication on (up does so where
                                 LAB_ETCD_PASSWORD is set)

  dev/lab break KIND TARGET      TARGET: a service, or leader, replica, router
      stop  TARGET               stop the container in good order
      kill  TARGET               kill it
      pause TARGET               freeze it: connections stay open, nothing answers
      cut   TARGET               drop all its packets: connections hang
      quorum [stop|cut|pause]    etcd-2 and etcd-3: the majority is gone
      delay NODE [TIME]          replay TIME late (30s)
      replay NODE                pause replay
      receiver NODE              no WAL arrives: the receiver is refused
      disk  NODE                 fill the node's data disk
      tag   NODE "NAME: VALUE"   set a Patroni tag (nofailover: true)
  dev/lab mend [KIND] [TARGET]   undo all of it, or what is named

LAB_PROFILE=pooler dev/lab VERB: the same lab with two PgBouncers in front, pgbouncer-1
(by way of the router) on 6432 and pgbouncer-2 (straight to a node) on 6433.
  dev/lab repoint [NODE]         point pgbouncer-2 at a node (the leader): file and RELOAD

LAB_PROFILE=streaming dev/lab VERB: PostgreSQL's own streaming replication alone,
without Patroni, etcd and router: db-primary and db-replica on 127.0.0.2:8008 and
:8009, in a project of its own, so that it may stand beside the profile patroni.
  dev/lab psql primary|replica|NODE [ARGS]
  dev/lab break KIND TARGET      TARGET: a service, or primary, replica; KIND: stop,
                                 kill, pause, cut, replay, receiver as above, and
      promote NODE               make it a second primary (mend clones it anew)
      slot NODE                  drop the slot that it streams by
Its shapes: LAB_STREAMING_STANDBYS=1..4, LAB_STREAMING_CASCADE=yes (three levels),
LAB_STREAMING_ARCHIVE=yes (db-log-shipping, fed from an archive alone),
LAB_STREAMING_SLOTS=no, LAB_STREAMING_NAMES=no, LAB_STREAMING_SYNCHRONOUS='FIRST 1 (*)',
LAB_STREAMING_PRIMARY=NAME, LAB_STREAMING_REPLICA=NAME. LAB_SUITE=oldstable has
PostgreSQL 15, stable 17, unstable 18, experimental 19. Say the same for every verb.

Settings and their defaults are in .env; a second lab beside the first takes
other names and ports from the environment (LAB_PROJECT=other LAB_PG_0_PORT=...).
TEXT
}
