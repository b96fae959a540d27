#!/bin/bash
# A real single-node Ceph on loopback, for tests: a monitor, one OSD, and the S3 gateway. No test
# needs a manager.
#
#   ceph.sh FOLDER PORT    makes the cluster in FOLDER, which has a folder `run`, and starts it on
#                          12 ports from PORT on; the gateway has the first. Pids go to
#                          FOLDER/run/*.pid for guard.sh. Leaves FOLDER/ceph.conf,
#                          FOLDER/client.admin.keyring and the pool `vms`. S3_ACCESS_KEY and
#                          S3_SECRET_KEY are the gateway's user; without them there is no gateway.
#
# A client's ceph.conf is complete: monitor, keyring, no admin socket.
set -euo pipefail
# Ceph's own variables outrank its config file.
unset CEPH_CONF CEPH_KEYRING CEPH_ARGS
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
folder=$1 port=$2
conf=$folder/ceph.conf keyring=$folder/client.admin.keyring
osd_uuid=$(cat /proc/sys/kernel/random/uuid)

fail() {
  echo "ceph.sh: $*" >&2
  tail -n 15 "$folder"/log/*.err >&2
  exit 1
}

# Ceph's settings: one copy of everything, nothing in the background, no wait for more monitors.
write_conf() {
  cat >"$conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv4 = true
ms_bind_ipv6 = false
ms_bind_port_min = $((port + 3))
ms_bind_port_max = $((port + 11))
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = $keyring
run_dir = $folder/run
admin_socket =
log_file =
crash_dir = $folder/crash
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
# An OSD without replicas never renews its read lease once that has run out, as happens when a
# test stops it. The lease lasts four fifths of this.
osd_heartbeat_grace = 3600
rbd_default_features = 61

[mon]
mon_data = $folder/mon
keyring = $folder/mon/keyring
mon_cluster_log_file = $folder/log/cluster.log
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data_avail_warn = 2
paxos_propose_interval = 0.1
paxos_min_wait = 0.02

[osd]
osd_data = $folder/osd
keyring = $folder/osd/keyring
osd_objectstore = bluestore
bluestore_block_create = true
bluestore_block_path =
bluestore_block_size = $((20 << 30))
bluestore_block_db_create = false
bluestore_block_wal_create = false
bluestore_fsck_on_mount = false
bluestore_fsck_on_umount = false
bluestore_cache_autotune = false
bluestore_cache_size = $((128 << 20))
osd_memory_target = $((1 << 30))
osd_max_scrubs = 0

[client.rgw.tests]
keyring = $folder/rgw/keyring
rgw_data = $folder/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
rgw_enable_quota_threads = false
rgw_dynamic_resharding = false
# Tests make many small buckets: one index object each, instead of eleven that are made, listed
# and removed.
rgw_override_bucket_index_max_shards = 1
CONF
}

# The monitor's first keyring has all keys, so that none must be requested later.
make_keys() {
  local all=$folder/mon.keyring each
  (
    umask 077
    ceph-authtool --create-keyring "$all" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool --create-keyring "$keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mds 'allow *' --cap mgr 'allow *'
    ceph-authtool --create-keyring "$folder/osd/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
    ceph-authtool --create-keyring "$folder/rgw/keyring" --gen-key -n client.rgw.tests --cap mon 'allow rw' --cap osd 'allow rwx'
    for each in "$keyring" "$folder/osd/keyring" "$folder/rgw/keyring"; do ceph-authtool "$all" --import-keyring "$each"; done
  ) >/dev/null
}

make_cluster() {
  mkdir -p "$folder"/{log,mon,osd,rgw,crash}
  write_conf
  make_keys
  monmaptool --create --clobber --fsid "$(sed -n 's/^fsid = //p' "$conf")" \
    --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$folder/monmap" >/dev/null
  ceph-mon --conf "$conf" --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/mon.keyring" >"$folder/log/mon-mkfs.err" 2>&1 || fail 'the monitor cannot be made'
}

# run NAME COMMAND...: in the background, under guard.
run() {
  local name=$1 pid
  shift
  setsid "$@" </dev/null >"$folder/log/$name.err" 2>&1 &
  pid=$!
  echo "$pid $(sed 's/^.*) //' "/proc/$pid/stat" | cut -d' ' -f20) KILL" >"$folder/run/$name.pid"
  disown "$pid"
}

# wait_for WHAT COMMAND...
wait_for() {
  local what=$1 end=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "$what is not there after 60 s"
    sleep 0.05
  done
}

ask() { timeout 60 ceph --conf "$conf" --connect-timeout 20 "$@"; }
gateway_answers() { (exec 3<>/dev/tcp/127.0.0.1/"$port") 2>/dev/null; }

make_cluster
# Needs the disk only, not the monitor.
ceph-osd --conf "$conf" -i 0 --no-mon-config --mkfs --osd-uuid "$osd_uuid" >"$folder/log/osd-mkfs.err" 2>&1 &
making_osd=$!
run mon ceph-mon --conf "$conf" -i a -f
wait_for 'the monitor' ask mon stat
ask osd new "$osd_uuid" >/dev/null || fail 'the monitor takes no OSD'
wait "$making_osd" || fail 'the OSD cannot be made'
run osd ceph-osd --conf "$conf" -i 0 -f
# The gateway waits for the OSD itself.
if [ -n "$S3_ACCESS_KEY" ]; then run rgw radosgw --conf "$conf" -n client.rgw.tests -f; fi
/usr/bin/python3 "$(dirname "$0")/ceph-pool.py" "$conf" vms 8 || fail 'the pool vms cannot be made'
[ -n "$S3_ACCESS_KEY" ] || exit 0
wait_for 'the gateway' gateway_answers
timeout 60 radosgw-admin --conf "$conf" user create --uid=tests --display-name=tests \
  --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >"$folder/log/user.err" 2>&1 || fail 'the gateway takes no user'
