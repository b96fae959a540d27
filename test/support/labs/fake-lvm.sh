#!/bin/bash
# Stands on PATH as lvs, lvcreate and lvremove. Volumes are the files $LAB/VG/LV; a snapshot has
# a file $LAB/VG/LV.origin beside it. Notes each call but those of lvs in $LAB/calls.
# Volumes of group "thin" are thin.
set -eu
name=${0##*/}
[ "$name" = lvs ] || echo "$name $*" >>"$LAB/calls"
volume=${*: -1}
file=$LAB/$volume
if [ ! -e "$file" ]; then
  echo "  Failed to find logical volume \"$volume\"" >&2
  exit 5
fi
case $name in
  lvs)
    case $3 in
      segtype) [ "${volume%/*}" = thin ] && echo '  thin' || echo '  linear' ;;
      origin) [ -e "$file.origin" ] && echo "  $(cat "$file.origin")" || echo '  ' ;;
      lv_path) echo "  $file" ;;
    esac
    ;;
  lvcreate)
    snapshot=$LAB/${volume%/*}/${*: -2:1}
    cp "$file" "$snapshot"
    echo "${volume#*/}" >"$snapshot.origin"
    ;;
  lvremove)
    if [ -e "$LAB/busy" ]; then
      rm "$LAB/busy"
      echo "  Logical volume $volume in use." >&2
      exit 5
    fi
    rm "$file" "$file.origin"
    ;;
esac
