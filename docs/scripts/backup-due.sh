#!/bin/bash
# Makes the backups that are due, longest due first. For cron: see docs/schedules.md.
#
#     backup-due.sh SCHEDULERS IMAGES
#
# SCHEDULERS  sections of backy.cfg, with commas between them, such as daily,weekly,monthly
# IMAGES      a file with one line per image: source, blanks, name. Empty lines and lines that begin
#             with # are ignored. Images that were never backed up are due at once.
#
# A failed backup does not stop the others, is due again at the next run, and makes the exit code 1.
# Runs wait for each other, for at most an hour.
set -euo pipefail

if [ $# -ne 2 ]; then
  echo 'usage: backup-due.sh SCHEDULERS IMAGES' >&2
  exit 2
fi
schedulers=$1
images=$2

# The lock is on the list itself. It is released when the last process of this run has ended.
exec 9<"$images"
if ! flock --timeout 3600 9; then
  echo "$images: another run has been at work for an hour; nothing was backed up" >&2
  exit 1
fi

declare -A source_of
while read -r source name; do
  case $source in '' | '#'*) continue ;; esac
  if [ -z "$name" ]; then
    echo "$images: no name after $source" >&2
    exit 2
  fi
  source_of[$name]=$source
done <"$images"

# Backs up an image. The arguments are source, name, and options of "backy2 backup".
backup() {
  local source=$1 name=$2
  shift 2
  case $source in
    lvm://*) "$(dirname "$0")/backup-lvm.sh" "$@" "${source#lvm://}" "$name" ;;
    rbd://*@*) backy2 backup "$@" -- "$source" "$name" ;;
    rbd://*) backy2 backup --auto "$@" -- "$source" "$name" ;;
    *) backy2 backup "$@" -- "$source" "$name" ;;
  esac
}

# One line per due image. The name comes last, because it may contain a |.
due=$(
  for name in "${!source_of[@]}"; do
    backy2 -ms due -s "$schedulers" -f due_since,schedulers,expire_date,name -- "$name" </dev/null || exit
  done | sort
)

failed=0
while IFS='|' read -r _ tags expire name; do
  [ -n "$name" ] || continue
  backup "${source_of[$name]}" "$name" -t "$tags" -e "$expire" </dev/null || failed=1
done <<<"$due"
exit "$failed"
