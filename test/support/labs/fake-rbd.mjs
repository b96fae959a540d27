// A stand-in for Ceph's rbd, as far as docs/scripts/backup-rbd.sh uses it: the same options, output
// and exit codes. Images are files below $FAKE_RBD: POOL/IMAGE/head; their snapshots are copies:
// POOL/IMAGE/snaps/NAME. An object exists when it is not all zero. test/process/fake-rbd.test.ts
// compares it with recordings of the real one.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OBJECT_SIZE = Number(process.env.FAKE_RBD_OBJECT_SIZE ?? 4 * 1024 * 1024);
const SPEC = /^([^/]+(?:\/[^/@]+)?)\/([^/@]+)(?:@([^/@]+))?$/s;
const ENOENT = 2;
const EEXIST = 17;
const EBUSY = 16;
const EINVAL = 22;

class Failure extends Error {
  constructor(code, message, stdout = '') {
    super(message);
    this.code = code;
    this.stdout = stdout;
  }
}

const DEVICE_COMMANDS = { 'device map': mapDevice, 'device unmap': unmapDevice };

try {
  process.stdout.write(run(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stdout.write(error.stdout);
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.code;
}

function run(words) {
  const options = {};
  const rest = [];
  for (let at = 0; at < words.length; at++) {
    const [name, value] = words[at].split('=');
    if (name === '--no-progress' || name === '--whole-object' || name === '--read-only') options[name] = true;
    else if (name === '--format' || name === '--from-snap') options[name] = value ?? words[++at];
    else if (name.startsWith('--')) throw new Failure(1, `rbd: unrecognised option '${name}'`);
    else rest.push(words[at]);
  }
  const spec = rest.pop() ?? '';
  const command = { 'snap ls': listSnaps, 'snap create': createSnap, 'snap rm': removeSnap, diff, ...DEVICE_COMMANDS }[
    rest.join(' ')
  ];
  if (command === undefined) throw new Failure(1, `rbd: the fake does not know ${rest.join(' ')}`);
  return command(open(spec), options);
}

function open(spec) {
  const [, pool, image, snap] = SPEC.exec(spec) ?? [];
  if (pool === undefined) throw new Failure(EINVAL, `rbd: invalid spec '${spec}'`);
  if (!existsSync(join(root(), pool)))
    throw new Failure(ENOENT, `rbd: error opening pool '${pool}': (2) No such file or directory`);
  const folder = join(root(), pool, image);
  if (!existsSync(join(folder, 'head'))) {
    throw new Failure(ENOENT, `rbd: error opening image ${image}: (2) No such file or directory`);
  }
  const list = join(folder, 'snaps.json');
  return { folder, list, snap, snaps: existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [] };
}

function listSnaps({ snaps }, options) {
  if (options['--format'] !== 'json') throw new Failure(1, 'rbd: the fake lists in JSON only');
  return `${JSON.stringify(snaps)}\n`;
}

function createSnap({ folder, list, snap, snaps }) {
  if (find(snaps, snap)) throw new Failure(EEXIST, 'rbd: failed to create snapshot: (17) File exists');
  mkdirSync(join(folder, 'snaps'), { recursive: true });
  const bytes = readFileSync(join(folder, 'head'));
  writeFileSync(join(folder, 'snaps', snap), bytes);
  const id = nextId();
  const timestamp = new Date().toUTCString().replace(/^(...), (..) (...) (....) (\S+) GMT$/, '$1 $3 $2 $5 $4');
  writeFileSync(list, JSON.stringify([...snaps, { id, name: snap, size: bytes.length, protected: 'false', timestamp }]));
  return '';
}

/** Snapshot ids rise across the whole pool. */
function nextId() {
  const file = join(root(), 'last-id');
  const id = existsSync(file) ? Number(readFileSync(file, 'utf8')) + 1 : 4;
  writeFileSync(file, String(id));
  return id;
}

function removeSnap({ folder, list, snap, snaps }) {
  const entry = find(snaps, snap);
  if (!entry) throw new Failure(ENOENT, 'rbd: failed to remove snapshot: (2) No such file or directory');
  if (entry.protected === 'true') throw new Failure(EBUSY, `rbd: snapshot '${snap}' is protected from removal.`);
  writeFileSync(list, JSON.stringify(snaps.filter((other) => other !== entry)));
  rmSync(join(folder, 'snaps', snap));
  return '';
}

/** The device is the snapshot's file; a file beside it marks it as mapped. */
function mapDevice({ folder, snap, snaps }) {
  if (!find(snaps, snap)) throw new Failure(ENOENT, `rbd: error opening snapshot ${snap}: (2) No such file or directory`);
  writeFileSync(join(folder, `mapped-${snap}`), '');
  return `${join(folder, 'snaps', snap)}\n`;
}

function unmapDevice({ folder, snap }) {
  if (!existsSync(join(folder, `mapped-${snap}`))) throw new Failure(EINVAL, `rbd: ${snap}: not a mapped image or snapshot`);
  rmSync(join(folder, `mapped-${snap}`));
  return '';
}

function diff({ folder, snap, snaps }, options) {
  if (options['--format'] !== 'json' || !options['--whole-object'])
    throw new Failure(1, 'rbd: the fake wants --whole-object and JSON');
  if (!find(snaps, snap)) throw new Failure(ENOENT, 'error setting snapshot context: (2) No such file or directory');
  const from = options['--from-snap'];
  // The real one prints its empty list anyway.
  if (from !== undefined && !find(snaps, from))
    throw new Failure(ENOENT, 'rbd: diff error: (2) No such file or directory', '[]\n');
  const before = from === undefined ? Buffer.alloc(0) : readFileSync(join(folder, 'snaps', from));
  return `${JSON.stringify(changedObjects(before, readFileSync(join(folder, 'snaps', snap))))}\n`;
}

function changedObjects(before, after) {
  const changed = [];
  for (let offset = 0; offset < after.length; offset += OBJECT_SIZE) {
    const [old, current] = [before, after].map((bytes) => objectAt(bytes, offset));
    if (old.equals(current)) continue;
    const length = Math.min(OBJECT_SIZE, after.length - offset);
    changed.push({ offset, length, exists: String(current.some((byte) => byte !== 0)) });
  }
  return changed;
}

/** A whole object, padded with zeros beyond the end of the image. */
function objectAt(bytes, offset) {
  const object = Buffer.alloc(OBJECT_SIZE);
  bytes.subarray(offset, offset + OBJECT_SIZE).copy(object);
  return object;
}

function find(snaps, name) {
  return snaps.find((snap) => snap.name === name);
}

function root() {
  const folder = process.env.FAKE_RBD;
  if (folder === undefined || !statSync(folder).isDirectory()) throw new Error('FAKE_RBD names no folder');
  return folder;
}
