#!/bin/bash
# Backs up an LVM volume from a snapshot, and removes the snapshot.
#
#     backup-lvm.sh [OPTIONS] VG/LV NAME
#
# OPTIONS  of "backy2 backup", such as -t daily -e 2027-01-31
#
# The snapshot is VG/LV-backy2. One that a killed run left is removed first. A snapshot of a thin
# volume needs no size. Others get SNAPSHOT_SIZE (default: 20%ORIGIN) for what is written to the
# volume meanwhile. If it fills up, reading it fails, and so does the backup.
#
# SNAPSHOT_HOOK is a program that is called with "before VG/LV NAME" and "after VG/LV NAME", around
# the making of the snapshot. It can freeze and thaw file systems of a guest. "after" is always
# called. If one of them fails, nothing is backed up.
#
# SIGINT and SIGTERM to this script wait for the end of the backup. Send them to the whole process
# group, as Ctrl-C and systemd do.
set -euo pipefail

fail() {
  echo "backup-lvm.sh: $*" >&2
  exit 1
}

if [ $# -lt 2 ] || ! [[ ${*: -2:1} =~ ^[^-/][^/]*/[^/]+$ ]]; then
  echo 'usage: backup-lvm.sh [OPTIONS] VG/LV NAME' >&2
  exit 2
fi
options=("${@:1:$#-2}")
volume=${*: -2:1}
name=${*: -1}
snapshot=$volume-backy2

# The backup inherits the lock, so that it holds as long as the snapshot is read.
exec 9>"${LOCK_DIR:-/run/lock}/backup-lvm-${volume/\//-}.lock"
flock --nonblock 9 || fail "another run backs up $volume"

# The commands of LVM warn of open files that they inherit.
export LVM_SUPPRESS_FD_WARNINGS=1

# Prints one field of a volume.
field() {
  local value
  value=$(lvs --noheadings -o "$1" "$2") && read -r value <<<"$value" && echo "$value"
}

# udev opens new devices for a moment, and then they can't be removed.
remove() {
  for _ in 1 2 3 4 5; do
    lvremove -q -f "$snapshot" >/dev/null 2>&1 && return 0
    sleep 0.5
  done
  lvremove -f "$snapshot" >&2
}

finish() {
  local code=$?
  remove || code=1
  exit "$code"
}

hook() {
  [ -z "${SNAPSHOT_HOOK:-}" ] || "$SNAPSHOT_HOOK" "$1" "$volume" "$name" </dev/null >/dev/null
}

kind=$(field segtype "$volume")
if [ "$(field origin "$snapshot" 2>/dev/null)" = "${volume#*/}" ]; then
  remove || fail "$snapshot of an earlier run can't be removed"
fi
size=(--size "${SNAPSHOT_SIZE:-}")
[ -n "${SNAPSHOT_SIZE:-}" ] || size=(--extents 20%ORIGIN)
[ "$kind" != thin ] || size=(--setactivationskip n)

trap : INT TERM HUP
failed=''
hook before || failed="$SNAPSHOT_HOOK before"
[ -n "$failed" ] || lvcreate -q -s -p r "${size[@]}" -n "${snapshot#*/}" "$volume" >/dev/null || failed=lvcreate
hook after || failed=${failed:-"$SNAPSHOT_HOOK after"}
[ "$(field origin "$snapshot" 2>/dev/null)" != "${volume#*/}" ] || trap finish EXIT
[ -z "$failed" ] || fail "$failed failed: $volume was not backed up"
backy2 backup "${options[@]}" -- "file://$(field lv_path "$snapshot")" "$name" </dev/null
