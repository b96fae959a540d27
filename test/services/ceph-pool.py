"""Makes a pool for images as soon as an OSD is up: one process instead of one of `ceph` for each look.

    ceph-pool.py CONF POOL PGS
"""

import json
import sys
import time

import rados
import rbd

SECONDS = 60
conf, pool, pgs = sys.argv[1:]


def ask(prefix, **more):
    code, out, said = cluster.mon_command(json.dumps({"prefix": prefix, "format": "json", **more}), b"", timeout=SECONDS)
    if code != 0:
        sys.exit(f"{prefix}: {said}")
    return out


cluster = rados.Rados(conffile=conf)
cluster.connect(timeout=SECONDS)
give_up_at = time.monotonic() + SECONDS
while json.loads(ask("osd stat"))["num_up_osds"] < 1:
    if time.monotonic() > give_up_at:
        sys.exit(f"the OSD is not up after {SECONDS} s")
    time.sleep(0.05)
ask("osd pool create", pool=pool, pg_num=int(pgs), pgp_num=int(pgs))
with cluster.open_ioctx(pool) as images:
    rbd.RBD().pool_init(images, True)
cluster.shutdown()
