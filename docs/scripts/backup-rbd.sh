#!/usr/bin/env bash
# Backs up Ceph RBD images with backy2, from snapshots: first in full, then only changes.
# Needs bash 4.4, rbd, backy2, and flock of util-linux.
#
# One snapshot of each image stays, that of the newest version. The next differential backup starts
# from it. A killed run leaves at most one more snapshot; the next run finds it by its name and
# removes it. The only state is the snapshots and backy2's database. A snapshot counts only if
# backy2 has a valid version of it.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: backup-rbd.sh [options] IMAGE...

Backs up RBD images with backy2, each from a new snapshot: differentially from the last snapshot with
a valid version, otherwise in full. IMAGE is NAME, POOL/NAME or POOL/NAMESPACE/NAME.

  -p, --pool POOL        pool of images given by name only; POOL/NAMESPACE works too (BACKY_RBD_POOL; default: rbd)
  -c, --configfile FILE  config file of backy2 (BACKY_CONFIGFILE; default: where backy2 looks)
  -t, --tag TAGS         tags of the new versions, as in backy2 backup
  -e, --expire DATE      expire date of the new versions, as in backy2 backup
      --prefix PREFIX    prefix of the script's own snapshots (BACKY_SNAPSHOT_PREFIX; default: backy2-HOSTNAME-).
                         Use one per installation of backy2: snapshots with this prefix and a time are removed when
                         they are no longer needed, all others stay
      --source TEMPLATE  where backy2 reads a snapshot (BACKY_SOURCE_TEMPLATE; default: rbd://{pool}/{image}@{snap}).
                         With {device}, as in file://{device}, rbd device map maps the snapshot meanwhile
      --name TEMPLATE    name of the versions (BACKY_NAME_TEMPLATE; default: {image}). Images of the same name in
                         several pools need {pool}
      --lock-dir FOLDER  folder of the locks, one per image (BACKY_LOCK_DIR; default: /run/lock)
  -v, --verbose          show the output of backy2
  -h, --help             show this text

Options override the environment. rbd reads CEPH_ARGS, for example CEPH_ARGS='--id backup'. The list of
changes is a temporary file in TMPDIR (default: /tmp).

Exit code: 0 if all images are backed up, 2 for wrong usage. Otherwise the highest of the images: 75 if another
run works on it, 1 if a lock or temporary file can't be created, else that of the failed rbd or backy2. If one
image fails, the others are still backed up. 5: the image did not match its last version, and was read and
stored completely; scrub the earlier versions. 129, 130, 143: stopped by a signal.
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

# A snapshot is ours if its name is the prefix and a time of exactly this form.
readonly TIME_FORMAT='%Y-%m-%dT%H:%M:%S.%3NZ'
readonly TIME_PATTERN='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'

hints='' # the temporary file
lock='' # file descriptor of the image's lock
child='' # the process that signals are forwarded to
stopped=0 # the exit code after a signal

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

# Backs up one image. Bash ignores set -e within a condition, so each step is checked.
# The functions below see its variables; `code` is its return value.
backup_image() {
  local image_pool=$1 image=$2 spec=$1/$2 snap='' device='' code=0
  local label key name own old left snapshots base_snap='' base_uid=''
  printf -v label '%q' "$spec"
  key=$(printf '%s' "$spec" | sha256sum | cut -c 1-16)
  name=$(fill_in "$name_template")

  # First the steps that leave nothing behind when they fail.
  lock_image || return
  make_hints_file || return
  find_own_snapshots || return
  find_base || return
  # Without a valid version, the newest snapshot stays until there is one.
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
  # Programs started from here inherit the lock, even if this script is killed. So no other run
  # removes the snapshot that a backup still reads.
  { exec {lock}>>"$file"; } 2>/dev/null ||
    fail 1 "The lock file $file can't be written. Name another folder with --lock-dir." || return
  flock --nonblock "$lock" || fail 75 "Another run works on this image: it holds the lock $file."
}

make_hints_file() {
  local file=${TMPDIR:-/tmp}/backup-rbd.$key
  # The lock is ours, so the run that left these was killed.
  rm -f -- "$hints" "$file".??????
  hints=$(mktemp "$file.XXXXXX") || fail 1 "No temporary file can be made in ${TMPDIR:-/tmp}. Name another folder with TMPDIR."
}

# Sets `snapshots` to rbd's list, and `own` to the script's own ones, oldest first. JSON escapes
# quotes in names, so no other name can pass for one of ours, as it could in rbd's table.
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

# Sets `base_snap` and `base_uid` to the newest snapshot that has a valid version, and to that
# version.
find_base() {
  local i versions uid
  for ((i = ${#own[@]} - 1; i >= 0; i--)); do
    # If the versions are unknown, stop: snapshots in use could be removed.
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

# Prints the versions of a snapshot, oldest first, as lines of valid|uid.
versions_of() {
  "${backy2[@]}" -ms ls -f valid,uid -s "$1" -- "$name"
}

newest_valid() {
  awk -F '|' '$1 == 1 { uid = $2 } END { print uid }'
}

# Backs up the new snapshot, and makes sure that it has a valid version.
back_up() {
  local result=0 uid
  map_snapshot || return
  if [[ -n $base_snap ]] && ! was_smaller_since && list_changes --from-snap "$base_snap"; then
    say "Differential backup, from snapshot $base_snap and version $base_uid."
    run_backup -r "$hints" -f "$base_uid" || result=$?
    if ((result == 5)); then
      # The base or the list of changes is wrong, so every byte is read.
      complain "The image differs from version $base_uid where rbd lists no change. All of it is read now; scrub that version."
      code=5 result=0
      run_backup || result=$?
    fi
  else
    say 'Full backup.'
    list_changes || return
    run_backup -r "$hints" || result=$?
  fi
  # An invalid version stays: the next backup reuses its blobs.
  ((result == 0)) || fail "$result" 'There is no new backup. The next run starts anew, whatever backy2 says of -c.' || return
  uid=$(versions_of "$snap" | newest_valid) || fail $? "The versions can't be listed." || return
  [[ -n $uid ]] || fail 1 "backy2 ended well, but has no valid version of snapshot $snap." || return
  say "Version $uid of snapshot $snap is valid."
}

# Whether the image was smaller at any snapshot since the base. The fast-diff list of Ceph 16.2
# lacks what was past the end then and is zero now.
was_smaller_since() {
  local LC_ALL=C id
  [[ $snapshots =~ \"id\":\ *([0-9]+),\ *\"name\":\ *\""$base_snap"\" ]] || return 1
  id=${BASH_REMATCH[1]}
  grep -oE '"(id|size)": *[0-9]+' <<<"$snapshots" | grep -oE '[0-9]+$' | paste - - | sort -n |
    awk -v id="$id" '$1 == id { bytes = $2 } $1 > id && $2 < bytes { smaller = 1 } END { exit !smaller }' || return 1
  say "Since snapshot $base_snap there was one of a smaller image: the list of changes would lack some."
}

# Sets `device` if the source needs one.
map_snapshot() {
  [[ $source_template == *'{device}'* ]] || return 0
  device=$(rbd device map --read-only "$spec@$snap") || fail $? "Snapshot $snap can't be mapped."
}

unmap() {
  rbd device unmap "$spec@$1"
}

# Writes the ranges in use of the new snapshot to the hints file; with --from-snap, the changes
# since that snapshot.
list_changes() {
  # rbd prints an empty list on failure too.
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
  # It may still be mapped after a killed run.
  [[ $source_template != *'{device}'* ]] || unmap "$1" 2>/dev/null || true
  rbd snap rm --no-progress "$spec@$1" || fail $? "Snapshot $1 can't be removed. The next run tries again."
}

# Prints a template with {pool}, {image}, {snap} and {device} filled in, in one pass, because names
# may contain braces.
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

# Runs a program so that signals to this script reach it. Bash would handle them only after its end.
run() {
  local result=0
  ((stopped == 0)) || return "$stopped"
  "$@" &
  child=$!
  ((stopped == 0)) || kill -TERM "$child" 2>/dev/null || true
  wait "$child" || result=$?
  # A signal ends wait, not the program, which may need a moment to clean up.
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

# Prints the failure and returns its exit code.
fail() {
  if ((stopped == 0)); then complain "$2"; else complain 'Stopped by a signal.'; fi
  return "$1"
}

main "$@"
