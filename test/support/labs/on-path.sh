#!/bin/bash
# Stands on PATH in place of rbd and backy2, and passes calls on. Notes each call in $CALLS.
# $FAULT is NUMBER:ACTION or WORDS:ACTION: the call with that number, or each call that contains
# these words in a row, goes wrong:
#   kill   kill -9 of the script, after the call
#   fail   do not call the program; print an empty list, as rbd diff does, and fail
#   lie    do not call the program; print an empty list and report success
#   note   write the call's process id to $CALLS.pid
set -u
name=${0##*/}
call="$name $*"
printf '%q\n' "$call" >>"$CALLS"
number=$(wc -l <"$CALLS")
where=${FAULT%:*} action=${FAULT##*:}
if [[ $where =~ ^[0-9]+$ ]]; then
  [[ $number == "$where" ]] || action=''
else
  [[ -n $where && $call == *"$where"* ]] || action=''
fi
case $action in
  kill)
    "$REAL/$name" "$@"
    kill -9 "$SCRIPT_PID"
    exit 1
    ;;
  fail)
    echo '[]'
    echo "$name: fails on purpose" >&2
    exit 77
    ;;
  lie)
    echo '[]'
    exit 0
    ;;
  note) echo $$ >"$CALLS.pid" ;;
esac
exec "$REAL/$name" "$@"
