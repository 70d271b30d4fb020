# shellcheck shell=bash

lab_help() {
    cat <<TEXT
dev/lab: a real PostgreSQL HA cluster in Docker, on loopback only.

  dev/lab up                     build what is missing, start, wait until whole
  dev/lab down [--keep]          remove containers, network and (not with --keep) data
  dev/lab image                  build the base image and the lab's image, no more
  dev/lab status                 patronictl list, containers, what is broken
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

Settings and their defaults are in .env; a second lab beside the first takes
other names and ports from the environment (LAB_PROJECT=other LAB_PG_0_PORT=...).
TEXT
}
