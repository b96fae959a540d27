#!/bin/bash
# A first backup and restore of a real disk image, on the embedded default. Prints each command
# before it runs. All state is in one new folder, which stays.
set -euo pipefail

project=$(cd "$(dirname "$0")/.." && pwd)
PATH="$project/bin:$PATH:/usr/sbin:/sbin"

for tool in mke2fs debugfs e2fsck; do
  command -v "$tool" >/dev/null || { echo "The demo needs $tool: install the package e2fsprogs." >&2; exit 1; }
done
for file in /etc/backy.cfg /etc/backy; do
  [ ! -e "$file" ] || { echo "There is a configuration on this machine ($file). The demo stops: it must not touch a real store." >&2; exit 1; }
done

demo=$(mktemp -d "${TMPDIR:-/tmp}/backy2-demo-XXXXXX")
cd "$demo"
# No config file is found from here, so backy2 keeps its state below XDG_DATA_HOME.
export HOME="$demo" XDG_DATA_HOME="$demo/state"

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }
uid_of_newest() { backy2 -ms ls vm1 | tail -n 1 | cut -d '|' -f 6; }

say 'A disk image with a file system and real files'
mkdir files
cp -r "$project/src" files/
seq 1 200000 >files/numbers.txt
run mke2fs -q -t ext4 -d files disk.img 64M

say 'First backup'
run backy2 backup file://disk.img vm1
first=$(uid_of_newest)
cp --sparse=always disk.img disk-1.img

say 'A file changes inside the image'
seq 1 1000 >changed.txt
run debugfs -w -R 'write changed.txt changed.txt' disk.img

say 'Second backup: only blocks with new content take space'
run backy2 backup file://disk.img vm1
second=$(uid_of_newest)
run backy2 ls
run du -sh state/backy2/data

say 'Is everything that was stored still good?'
run backy2 scrub "$second"

say 'Restore both, and compare'
run backy2 restore "$first" file://restored-1.img
run backy2 restore "$second" file://restored-2.img
run cmp disk-1.img restored-1.img
run cmp disk.img restored-2.img
run e2fsck -fn restored-2.img

say "Both restored images equal their sources. All of it is in $demo"
