#!/usr/bin/env bash
# Backs up Ceph RBD images with backy2, from snapshots: in full at first, then only what has changed since the last snapshot.
# Needs bash 4.4, rbd, backy2, and flock of util-linux.
#
# Of each image one snapshot stays, that of the newest version: the next differential backup starts from it. A run that is
# killed, at any step, leaves at most a snapshot more; the next one finds it by its name and cleans up. So there is no state but
# the snapshots and backy2's database, and a snapshot counts only when backy2 has a valid version of it.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: backup-rbd.sh [options] IMAGE...

Backs up RBD images with backy2, each from a new snapshot: differentially from the last snapshot whose version is valid, in full
when there is none. IMAGE is NAME, POOL/NAME or POOL/NAMESPACE/NAME.

  -p, --pool POOL        pool of images given by name alone; POOL/NAMESPACE works too (BACKY_RBD_POOL; default: rbd)
  -c, --configfile FILE  config file of backy2 (BACKY_CONFIGFILE; default: where backy2 looks)
  -t, --tag TAGS         tags of the new versions, as in backy2 backup
  -e, --expire DATE      expire date of the new versions, as in backy2 backup
      --prefix PREFIX    what the names of the script's own snapshots begin with (BACKY_SNAPSHOT_PREFIX; default:
                         backy2-HOSTNAME-). One for each installation of backy2: snapshots with this prefix and a time
                         are removed when they are no longer needed, all others are left alone
      --source TEMPLATE  where backy2 reads a snapshot (BACKY_SOURCE_TEMPLATE; default: rbd://{pool}/{image}@{snap}).
                         With {device} in it, as in file://{device}, the snapshot is mapped by rbd device map meanwhile
      --name TEMPLATE    name of the versions (BACKY_NAME_TEMPLATE; default: {image}). Images of the same name in
                         several pools need {pool} in it
      --lock-dir FOLDER  where the locks are, one for each image (BACKY_LOCK_DIR; default: /run/lock)
  -v, --verbose          show what backy2 says
  -h, --help             show this text

Options win over the environment. rbd takes its own from CEPH_ARGS, for example CEPH_ARGS='--id backup'. Changed blocks are listed
in a temporary file, in TMPDIR (default: /tmp).

Exit code: 0 when all images are backed up, 2 for wrong usage. Otherwise the highest one of the images: 75 when another run
works on it, 1 when a lock or temporary file can't be made, else that of the rbd or backy2 that failed. A failure of
one image does not keep the others from being backed up. 5: the image did not fit its last version, and was read and stored as a
whole; scrub the earlier versions. 129, 130, 143: stopped by a signal.
TEXT
}

pool=${BACKY_RBD_POOL:-rbd}
prefix=${BACKY_SNAPSHOT_PREFIX:-}
configfile=${BACKY_CONFIGFILE:-}
source_template=${BACKY_SOURCE_TEMPLATE:-}
name_template=${BACKY_NAME_TEMPLATE:-}
lock_dir=${BACKY_LOCK_DIR:-/run/lock}
verbose=''
backy2=(backy2)
backup_options=()
images=()

# A snapshot is ours when its name is the prefix and a time of exactly this form.
readonly TIME_FORMAT='%Y-%m-%dT%H:%M:%S.%3NZ'
readonly TIME_PATTERN='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'

hints='' # the temporary file
lock='' # file descriptor of the image's lock
child='' # the process that a signal is passed on to
stopped=0 # the exit code when a signal has come

main() {
  parse_options "$@"
  local program
  for program in rbd backy2 flock; do
    command -v "$program" >/dev/null || refuse "The program $program is not on PATH."
  done
  trap 'rm -f -- "$hints"' EXIT
  trap 'stop 129' HUP
  trap 'stop 130' INT
  trap 'stop 143' TERM

  local image code worst=0
  for image in "${images[@]}"; do
    code=0
    backup_image "${image%/*}" "${image##*/}" || code=$?
    ((code <= worst)) || worst=$code
    [[ -z $lock ]] || exec {lock}>&-
    lock=''
    ((stopped == 0)) || exit "$stopped"
  done
  exit "$worst"
}

parse_options() {
  while (($# > 0)); do
    case $1 in
      --verbose=* | --help=*) refuse "${1%%=*} takes no value." ;;
      --?*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      -p | --pool | -c | --configfile | -t | --tag | -e | --expire | --prefix | --source | --name | --lock-dir)
        (($# > 1)) || refuse "$1 needs a value."
        set_option "$1" "$2"
        shift 2
        ;;
      -v | --verbose) verbose=yes && shift ;;
      -h | --help) usage && exit 0 ;;
      --) shift && break ;;
      -*) refuse "Unknown option $1." ;;
      *) images+=("$1") && shift ;;
    esac
  done
  images+=("$@")
  check_options
}

set_option() {
  case $1 in
    -p | --pool) pool=$2 ;;
    -c | --configfile) configfile=$2 ;;
    -t | --tag) backup_options+=(-t "$2") ;;
    -e | --expire) backup_options+=(-e "$2") ;;
    --prefix) prefix=$2 ;;
    --source) source_template=$2 ;;
    --name) name_template=$2 ;;
    --lock-dir) lock_dir=$2 ;;
  esac
}

check_options() {
  local host i
  [[ -z $configfile ]] || backy2+=(-c "$configfile")
  host=$(uname -n)
  [[ -n $prefix ]] || prefix=backy2-${host//[^A-Za-z0-9.-]/-}-
  [[ -n $source_template ]] || source_template='rbd://{pool}/{image}@{snap}'
  [[ -n $name_template ]] || name_template='{image}'
  [[ $prefix =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] ||
    refuse "The prefix '$prefix' must begin with a letter or digit and have only those, '.', '_' and '-'."
  [[ $source_template == *'{snap}'* && $source_template == *'{image}'* || $source_template == *'{device}'* ]] ||
    refuse "The source '$source_template' must have {image} and {snap} in it, or {device}."
  [[ $name_template == *'{image}'* ]] || refuse "The name '$name_template' must have {image} in it."
  ((${#images[@]} > 0)) || refuse 'No image is given.'
  for i in "${!images[@]}"; do
    [[ ${images[i]} == */* ]] || images[i]=$pool/${images[i]}
    [[ ${images[i]} =~ ^[^/@-][^/@]*(/[^/@]+)?/[^/@]+$ ]] ||
      refuse "'${images[i]}' is no image: give NAME, POOL/NAME or POOL/NAMESPACE/NAME, without a snapshot."
  done
}

refuse() {
  printf 'backup-rbd: %s See backup-rbd.sh --help.\n' "$1" >&2
  exit 2
}

# Everything for one image. Nothing here relies on set -e, which bash does not keep up within a condition: each step is checked.
# The functions below see its variables; `code` is what it returns.
backup_image() {
  local image_pool=$1 image=$2 spec=$1/$2 snap='' device='' code=0
  local label key name own old left snapshots base_snap='' base_uid=''
  printf -v label '%q' "$spec"
  key=$(printf '%s' "$spec" | sha256sum | cut -c 1-16)
  name=$(fill_in "$name_template")

  # First what can fail without leaving anything behind.
  lock_image || return
  make_hints_file || return
  find_own_snapshots || return
  find_base || return
  # With no valid version, the newest snapshot stays all the same until there is one.
  old=$base_snap
  [[ -n $old ]] || ((${#own[@]} == 0)) || old=${own[-1]}
  for left in "${own[@]}"; do
    [[ $left == "$old" ]] || remove_snapshot "$left" 'which a run that was interrupted has left' || code=$?
  done

  snap=$prefix$(date -u "+$TIME_FORMAT")
  rbd snap create --no-progress "$spec@$snap" || fail $? "The snapshot $snap can't be made." || return
  back_up || { code=$?; remove_snapshot "$snap" 'of which there is no backup' || true; return "$code"; }
  [[ -z $device ]] || unmap "$snap" || fail $? "Snapshot $snap can't be unmapped. Its removal tries again." || code=$?
  [[ -z $old ]] || remove_snapshot "$old" 'which is no longer needed' || code=$?
  return "$code"
}

lock_image() {
  local file=$lock_dir/backup-rbd.$key.lock
  # Programs that are started from here inherit the lock: it holds as long as one of them works, even when this script is killed.
  # So no other run removes the snapshot that a backup still reads.
  { exec {lock}>>"$file"; } 2>/dev/null ||
    fail 1 "The lock file $file can't be written. Name another folder with --lock-dir." || return
  flock --nonblock "$lock" || fail 75 "Another run works on this image: it holds the lock $file."
}

make_hints_file() {
  local file=${TMPDIR:-/tmp}/backup-rbd.$key
  # Whoever left these was killed: the lock is ours.
  rm -f -- "$hints" "$file".??????
  hints=$(mktemp "$file.XXXXXX") || fail 1 "No temporary file can be made in ${TMPDIR:-/tmp}. Name another folder with TMPDIR."
}

# Sets `snapshots` to rbd's list, and `own` to the script's own ones, oldest first. JSON is sure where rbd's table is not: a name
# of others can't pass for one of ours, whatever characters it has, since quotes within names are escaped.
find_own_snapshots() {
  local LC_ALL=C list pattern
  list=$(rbd snap ls --format json "$spec") || fail $? "The snapshots can't be listed." || return
  snapshots=$list
  pattern="\"id\": *([0-9]+), *\"name\": *\"(${prefix//./\\.}$TIME_PATTERN)\"(.*)"
  mapfile -t own < <(
    while [[ $list =~ $pattern ]]; do
      printf '%s %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
      list=${BASH_REMATCH[3]}
    done | sort -n | awk '{ print $2 }'
  )
}

# Sets `base_snap` and `base_uid` to the newest snapshot that has a valid version, and to that version.
find_base() {
  local i versions uid
  for ((i = ${#own[@]} - 1; i >= 0; i--)); do
    # Not to know the versions is not to have none: snapshots would be removed for it.
    versions=$(versions_of "${own[i]}") || fail $? "The versions can't be listed." || return
    base_uid=$(newest_valid <<<"$versions")
    if [[ -n $base_uid ]]; then
      base_snap=${own[i]}
      return 0
    elif [[ -n $versions ]]; then
      uid=${versions##*|}
      say "Snapshot ${own[i]} is no base: version $uid is not valid. When a later one is, it may go: backy2 rm $uid"
    else
      say "Snapshot ${own[i]} is no base: there is no version of it."
    fi
  done
}

# The versions of a snapshot, oldest first, as lines of valid|uid.
versions_of() {
  "${backy2[@]}" -ms ls -f valid,uid -s "$1" -- "$name"
}

newest_valid() {
  awk -F '|' '$1 == 1 { uid = $2 } END { print uid }'
}

# Backs the new snapshot up, and makes sure that there is a valid version of it.
back_up() {
  local result=0 uid
  map_snapshot || return
  if [[ -n $base_snap ]] && ! was_smaller_since && list_changes --from-snap "$base_snap"; then
    say "Differential backup, from snapshot $base_snap and version $base_uid."
    run_backup -r "$hints" -f "$base_uid" || result=$?
    if ((result == 5)); then
      # The base or the list of changes is wrong: whatever rests on them can't be trusted, so every byte is read.
      complain "The image differs from version $base_uid where rbd lists no change. All of it is read now; scrub that version."
      code=5 result=0
      run_backup || result=$?
    fi
  else
    say 'Full backup.'
    list_changes || return
    run_backup -r "$hints" || result=$?
  fi
  # A version that stays invalid is left alone: what it has stored need not be stored again by the next backup.
  ((result == 0)) || fail "$result" 'There is no new backup. The next run starts anew, whatever backy2 says of -c.' || return
  uid=$(versions_of "$snap" | newest_valid) || fail $? "The versions can't be listed." || return
  [[ -n $uid ]] || fail 1 "backy2 ended well, but has no valid version of snapshot $snap." || return
  say "Version $uid of snapshot $snap is valid."
}

# Whether anybody's snapshot since the base is one of a smaller image. What was behind the end of that, and is zeros now, is not in
# the list that Ceph 16.2 makes with fast-diff.
was_smaller_since() {
  local LC_ALL=C id
  [[ $snapshots =~ \"id\":\ *([0-9]+),\ *\"name\":\ *\""$base_snap"\" ]] || return 1
  id=${BASH_REMATCH[1]}
  grep -oE '"(id|size)": *[0-9]+' <<<"$snapshots" | grep -oE '[0-9]+$' | paste - - | sort -n |
    awk -v id="$id" '$1 == id { bytes = $2 } $1 > id && $2 < bytes { smaller = 1 } END { exit !smaller }' || return 1
  say "Since snapshot $base_snap there was one of a smaller image: the list of changes would lack some."
}

# Sets `device` when the source wants one.
map_snapshot() {
  [[ $source_template == *'{device}'* ]] || return 0
  device=$(rbd device map --read-only "$spec@$snap") || fail $? "Snapshot $snap can't be mapped."
}

unmap() {
  rbd device unmap "$spec@$1"
}

# Writes to the hints file what of the new snapshot is in use; with --from-snap and a snapshot, what has changed since that one.
list_changes() {
  # On failure, too, rbd prints a list: an empty one.
  run rbd diff --whole-object --format json "$@" "$spec@$snap" >"$hints" ||
    fail $? "rbd can't list the changes${2:+ since snapshot $2}."
}

run_backup() {
  local url words
  url=$(fill_in "$source_template")
  words=(backup -s "$snap" "${backup_options[@]}" "$@" -- "$url" "$name")
  if [[ -n $verbose ]]; then
    run "${backy2[@]}" "${words[@]}"
  else
    run "${backy2[@]}" -m "${words[@]}" >/dev/null
  fi
}

remove_snapshot() {
  say "Removing snapshot $1, $2."
  # It may be mapped still, when a run was killed.
  [[ $source_template != *'{device}'* ]] || unmap "$1" 2>/dev/null || true
  rbd snap rm --no-progress "$spec@$1" || fail $? "Snapshot $1 can't be removed. The next run tries again."
}

# A template with its {pool}, {image}, {snap} and {device} filled in, in one pass: names may have braces in them.
fill_in() {
  local rest=$1 text=''
  while [[ $rest == *'{'* ]]; do
    text+=${rest%%'{'*}
    rest=${rest#*'{'}
    case $rest in
      'pool}'*) text+=$image_pool rest=${rest#*'}'} ;;
      'image}'*) text+=$image rest=${rest#*'}'} ;;
      'snap}'*) text+=$snap rest=${rest#*'}'} ;;
      'device}'*) text+=$device rest=${rest#*'}'} ;;
      *) text+='{' ;;
    esac
  done
  printf '%s' "$text$rest"
}

# Runs a program such that signals to this script reach it: bash itself would see them only after its end.
run() {
  local result=0
  ((stopped == 0)) || return "$stopped"
  "$@" &
  child=$!
  ((stopped == 0)) || kill -TERM "$child" 2>/dev/null || true
  wait "$child" || result=$?
  # A signal ends wait, not the program, which may need a moment to leave things in order.
  while kill -0 "$child" 2>/dev/null; do wait "$child" || result=$?; done
  child=''
  ((stopped == 0)) || return "$stopped"
  return "$result"
}

# shellcheck disable=SC2317 # called by trap
stop() {
  stopped=$1
  [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || true
}

say() {
  printf 'backup-rbd: %s: %s\n' "$label" "$1"
}

complain() {
  say "$1" >&2
}

# Says what went wrong, and returns the code for it.
fail() {
  if ((stopped == 0)); then complain "$2"; else complain 'Stopped by a signal.'; fi
  return "$1"
}

main "$@"
