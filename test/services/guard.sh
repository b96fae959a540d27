#!/bin/bash
# Ensures that the servers of a folder do not outlive their starter.
#
#   guard.sh FOLDER    waits until its stdin ends, which the starter's death does too. Then ends
#                      each process in a file FOLDER/run/NAME.pid ("PID START SIGNAL", one line)
#                      and removes FOLDER.
#
# START is the process's start time in the kernel's count. A pid that belongs to another process by
# then is left alone.
set -u
folder=$1

# Empty for a process that has ended or is a zombie.
start_time() { sed -n 's/^.*) \([^ZX]\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() { [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }

cat >/dev/null

for file in "$folder"/run/*.pid; do
  [ -s "$file" ] || continue
  read -r pid start signal <"$file"
  alive "$pid" "$start" && kill "-$signal" "$pid" 2>/dev/null
  for ((i = 0; i < 100; i++)); do
    alive "$pid" "$start" || break
    sleep 0.05
  done
  alive "$pid" "$start" && kill -KILL "$pid"
done
# A server's children may write for a moment longer.
for ((i = 0; i < 20; i++)); do
  rm -rf "$folder" 2>/dev/null && break
  sleep 0.1
done
