#!/bin/bash
# Daily upkeep, when the backups have ended: removes what has expired, frees its space, verifies
# blobs, copies the database, and reports SLA breaches. For cron or a timer: docs/schedules.md.
#
#     backup-upkeep.sh COPIES
#
# COPIES  a folder on another disk; it gets one copy of the database per weekday. It must exist, so
#         that a disk that is not mounted is an error.
#
# Prints only errors and breaches. A failed step does not stop the others. It makes the exit code 1,
# as a breach does.
set -uo pipefail

if [ $# -ne 1 ]; then
  echo 'usage: backup-upkeep.sh COPIES' >&2
  exit 2
fi
copies=$1
failed=0

# Runs a step. Its output is in the logfile; errors are on stderr.
step() {
  "$@" >/dev/null </dev/null && return
  echo "backup-upkeep.sh: exit code $?: $*" >&2
  failed=1
}

step backy2 -m rm --expired
step backy2 -m cleanup
# All blobs within 25 days.
step backy2 -m scrub --oldest 4
step backy2 -m backup-db -f "$copies/backy-db-$(date +%u)"

breaches=$(backy2 -ms sla </dev/null) || failed=1
if [ -n "$breaches" ]; then
  echo "$breaches"
  failed=1
fi
exit "$failed"
