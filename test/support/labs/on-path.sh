#!/bin/bash
# Stands on PATH for rbd and backy2 of a test and passes calls on. It notes each call as a line in $CALLS. $FAULT is NUMBER:ACTION
# or WORDS:ACTION and says what goes wrong in the call of that number, or in those that have these words in a row:
#   kill   kill -9 of the script, once the call is done
#   fail   the program is not called; like rbd diff, it prints an empty list all the same
#   lie    the same, but it says that all is well
#   note   its process id is written to $CALLS.pid
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
