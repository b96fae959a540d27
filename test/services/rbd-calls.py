"""Makes calls of librbd for tests, over one connection: a process of rbd for each takes 0.3 s of CPU.

    rbd-calls.py CONF    reads a request a line: {"call": "create", "args": {"image": "vms/x", "size": 65536}}
                         and answers each with a line: {"value": null} or {"error": "..."}

Specs are those of rbd: pool/image, pool/namespace/image, with @snapshot behind. Bytes go through files. It ends when its stdin does.
"""

import hashlib
import json
import os
import queue
import signal
import sys
import threading

import rados
import rbd

CHUNK = 4 << 20
# Time for the last call once nobody waits for its answer: with a stopped OSD it never ends.
LAST_CALL_SECONDS = 5


class Calls:
    def __init__(self, conf):
        # The environment must not name another cluster or user.
        self.cluster = rados.Rados(conffile=conf, name="client.admin", clustername="ceph")
        self.cluster.connect()
        self.pools = {}

    def close(self):
        for pool in self.pools.values():
            pool.close()
        self.cluster.shutdown()

    def pool(self, name, namespace=""):
        if (name, namespace) not in self.pools:
            pool = self.cluster.open_ioctx(name)
            pool.set_namespace(namespace)
            self.pools[name, namespace] = pool
        return self.pools[name, namespace]

    def place(self, spec):
        """Splits a spec into pool, name of the image, and snapshot or None."""
        path, _, snapshot = spec.partition("@")
        pool, *namespace, image = path.split("/")
        return self.pool(pool, *namespace), image, snapshot or None

    def open(self, spec, read_only=False):
        pool, image, snapshot = self.place(spec)
        return rbd.Image(pool, image, snapshot=snapshot, read_only=read_only)

    def create(self, image, size, order, features=None):
        pool, name, _ = self.place(image)
        rbd.RBD().create(pool, name, size, order=order, old_format=False, features=feature_bits(features))

    def import_file(self, image, file, order):
        self.create(image, os.path.getsize(file), order)
        with self.open(image) as opened, open(file, "rb") as source:
            # Like rbd import, it leaves out objects of zeros.
            for offset in range(0, opened.size(), 1 << order):
                chunk = source.read(1 << order)
                if chunk.count(0) < len(chunk):
                    opened.write(chunk, offset)
            opened.flush()

    def export_file(self, spec, file):
        with self.open(spec, read_only=True) as opened, open(file, "wb") as target:
            for chunk in chunks(opened):
                target.write(chunk)

    def sha256(self, spec):
        digest = hashlib.sha256()
        with self.open(spec, read_only=True) as opened:
            for chunk in chunks(opened):
                digest.update(chunk)
        return digest.hexdigest()

    def write(self, image, offset, file):
        with self.open(image) as opened, open(file, "rb") as source:
            opened.write(source.read(), offset)
            opened.flush()

    def discard(self, image, offset, length):
        with self.open(image) as opened:
            opened.discard(offset, length)
            opened.flush()

    def resize(self, image, size):
        with self.open(image) as opened:
            opened.resize(size)

    def clone(self, parent, image, order, features=None):
        parent_pool, parent_name, snapshot = self.place(parent)
        pool, name, _ = self.place(image)
        rbd.RBD().clone(parent_pool, parent_name, snapshot, pool, name, features=feature_bits(features), order=order)

    def flatten(self, image):
        with self.open(image) as opened:
            opened.flatten()

    def remove(self, image):
        pool, name, _ = self.place(image)
        rbd.RBD().remove(pool, name)

    def snapshot(self, image, action, name):
        """Creates, removes, protects or unprotects a snapshot, or takes the image back to it."""
        with self.open(image) as opened:
            if action == "rollback":
                opened.rollback_to_snap(name)
            else:
                getattr(opened, f"{action}_snap")(name)

    def snapshots(self, image):
        with self.open(image, read_only=True) as opened:
            # As in rbd: without snapshots in the trash or of a group.
            return [
                snapshot["name"]
                for snapshot in opened.list_snaps()
                if snapshot["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_USER
            ]

    def info(self, image):
        with self.open(image, read_only=True) as opened:
            bits = opened.features()
            return {"size": opened.size(), "features": [name for name, bit in FEATURES.items() if bits & bit]}

    def watchers(self, image):
        with self.open(image, read_only=True) as opened:
            return [watcher["addr"] for watcher in opened.watchers_list()]

    def used(self, image):
        lengths = []
        with self.open(image, read_only=True) as opened:
            note = lambda offset, length, exists: lengths.append(length if exists else 0)
            opened.diff_iterate(0, opened.size(), None, note, whole_object=True)
        return sum(lengths)

    def namespace(self, action, pool, name):
        getattr(rbd.RBD(), f"namespace_{action}")(self.pool(pool), name)


FEATURES = {
    "layering": rbd.RBD_FEATURE_LAYERING,
    "exclusive-lock": rbd.RBD_FEATURE_EXCLUSIVE_LOCK,
    "object-map": rbd.RBD_FEATURE_OBJECT_MAP,
    "fast-diff": rbd.RBD_FEATURE_FAST_DIFF,
    "deep-flatten": rbd.RBD_FEATURE_DEEP_FLATTEN,
}


def feature_bits(names):
    """None is for librbd: it takes those of the configuration."""
    return None if names is None else sum(FEATURES[name] for name in names.split(","))


def chunks(image):
    """Reads all of an image."""
    size = image.size()
    for offset in range(0, size, CHUNK):
        yield image.read(offset, min(CHUNK, size - offset))


def answer(calls, line):
    request = json.loads(line)
    try:
        return {"value": getattr(calls, request["call"])(**request["args"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def read_lines(lines):
    for line in sys.stdin:
        lines.put(line)
    lines.put(None)
    threading.Timer(LAST_CALL_SECONDS, os._exit, [1]).start()


def main():
    # Ctrl-C is for the tests; they close stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = queue.SimpleQueue()
    threading.Thread(target=read_lines, args=[lines], daemon=True).start()
    calls = Calls(sys.argv[1])
    for line in iter(lines.get, None):
        print(json.dumps(answer(calls, line)), flush=True)
    calls.close()
    os._exit(0)


main()
