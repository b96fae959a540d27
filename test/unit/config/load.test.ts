import { getHashes } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { HASH_FUNCTIONS } from '../../../src/config/schema.ts';
import { RUN_DEFAULTS } from '../../../src/model/job.ts';
import { RBD_DEFAULTS } from './rbd-defaults.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

const load = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', text);
  return loadConfig('backy.cfg', env);
};
const errorOf = (text: string) => configErrorOf(() => load(text)).message;
const PLAIN = '[DEFAULTS]\nencryption_version: 0\n';
const KEY = 'decafbad'.repeat(8);

test('a missing option takes its default', () => {
  expect(load(PLAIN)).toEqual({
    files: ['backy.cfg'],
    embedded: false,
    logfile: '/tmp/backy.log',
    blockSize: 4194304,
    hashFunction: 'sha512',
    lockDir: '/tmp',
    cacheDir: '/tmp',
    processName: 'backy2',
    disallowRmWhenYoungerThanDays: 0,
    keepRemovedSeconds: 3600,
    deduplication: true,
    catalogue: true,
    workers: undefined,
    cpus: 3,
    hintCheckPercent: 0,
    fileMode: 0o600,
    compressionLevel: 1,
    encryptionKey: undefined,
    encryptionVersion: 0,
    encryptionAssumed: false,
    defaultSchedulers: ['daily'],
    slaSchedulers: ['daily', 'weekly', 'monthly'],
    slaNewNamesByAge: false,
    engine: 'sqlite:////tmp/backy.sqlite',
    layout: undefined,
    sqliteCacheMb: 256,
    data: {
      simultaneousWrites: 1,
      simultaneousReads: 1,
      bandwidthRead: 0,
      bandwidthWrite: 0,
      backend: { type: 'file', path: '/tmp', durable: true, directIo: 'auto', fileMode: 0o600 },
    },
    io: {
      file: { simultaneousReads: 1, simultaneousWrites: 1, directIo: 'auto' },
      rbd: RBD_DEFAULTS,
      null: { simultaneousReads: 1, simultaneousWrites: 1 },
    },
    schedulers: [],
    brokenSchedulers: [],
    jobs: [],
    brokenJobs: [],
    run: RUN_DEFAULTS,
    warnings: [],
  });
});

test('every option is read, and paths stay as they are', () => {
  const text = `${PLAIN}logfile: my.log
block_size: 4096
hash_function: blake2b
lock_dir: locks
cachedir: cache
process_name: b202
disallow_rm_when_younger_than_days: 6
keep_removed: 7d
deduplication: No
workers: 2
hint_check_percent: 0.5
file_mode: 0640
compression_level: 19
encryption_key: ${KEY}
default_schedulers: hourly, daily
sla_schedulers: weekly
[MetaBackend]
type: sql
engine: sqlite:///backy.sqlite
layout: compact
sqlite_cache_mb: 64
[DataBackend]
type: backy2.data_backends.file
path: data
simultaneous_writes: 2
simultaneous_reads: 3
catalogue: no
bandwidth_read: 1000
bandwidth_write: 2000
[io_file]
simultaneous_reads: 5
simultaneous_writes: 6
direct_io: off
[io_null]
simultaneous_reads: 7
simultaneous_writes: 8
[io_rbd]
ceph_conffile: /etc/ceph/other.conf
cluster_name: other
rados_name: client.backup
connect_timeout: 5
operation_timeout: 60
snapshot_prefix: nightly-
simultaneous_reads: 9
new_image_features:
  RBD_FEATURE_LAYERING
  RBD_FEATURE_OBJECT_MAP
`;
  expect(load(text)).toEqual({
    files: ['backy.cfg'],
    embedded: false,
    logfile: 'my.log',
    blockSize: 4096,
    hashFunction: 'blake2b',
    lockDir: 'locks',
    cacheDir: 'cache',
    processName: 'b202',
    disallowRmWhenYoungerThanDays: 6,
    deduplication: false,
    catalogue: false,
    workers: 2,
    cpus: 3,
    hintCheckPercent: 0.5,
    keepRemovedSeconds: 7 * 86400,
    fileMode: 0o640,
    compressionLevel: 19,
    encryptionKey: KEY,
    encryptionVersion: 0,
    encryptionAssumed: false,
    defaultSchedulers: ['hourly', 'daily'],
    slaSchedulers: ['weekly'],
    slaNewNamesByAge: false,
    engine: 'sqlite:///backy.sqlite',
    layout: 'compact',
    sqliteCacheMb: 64,
    data: {
      simultaneousWrites: 2,
      simultaneousReads: 3,
      bandwidthRead: 1000,
      bandwidthWrite: 2000,
      backend: { type: 'file', path: 'data', durable: true, directIo: 'auto', fileMode: 0o640 },
    },
    io: {
      file: { simultaneousReads: 5, simultaneousWrites: 6, directIo: 'off' },
      rbd: {
        simultaneousReads: 9,
        simultaneousWrites: 1,
        conffile: '/etc/ceph/other.conf',
        clusterName: 'other',
        radosName: 'client.backup',
        connectTimeoutSeconds: 5,
        operationTimeoutSeconds: 60,
        newImageFeatures: 1 + 8,
        snapshotPrefix: 'nightly-',
      },
      null: { simultaneousReads: 7, simultaneousWrites: 8 },
    },
    schedulers: [],
    brokenSchedulers: [],
    jobs: [],
    brokenJobs: [],
    run: RUN_DEFAULTS,
    warnings: [],
  });
});

test('an empty lock_dir means no locking', () => {
  expect(load(`${PLAIN}lock_dir:\n`).lockDir).toBe('');
});

test.each(['null', 'backy2.data_backends.null'])('data backend %s', (type) => {
  expect(load(`${PLAIN}[DataBackend]\ntype: ${type}`).data.backend).toEqual({ type: 'null' });
});

test.each([
  ...['1', 'yes', 'True', 'ON'].map((text): [string, boolean] => [text, true]),
  ...['0', 'no', 'False', 'oFF'].map((text): [string, boolean] => [text, false]),
])('boolean %s', (text, value) => {
  expect(load(`${PLAIN}deduplication: ${text}`).deduplication).toBe(value);
});

test('every hash function is one that Node knows', () => {
  const special: Record<string, string> = { blake2b: 'blake2b512', blake2s: 'blake2s256' };
  const inNode = HASH_FUNCTIONS.map((name) => special[name] ?? name.replace('_', '-'));
  expect(getHashes()).toEqual(expect.arrayContaining(inNode));
  for (const name of HASH_FUNCTIONS) expect(load(`${PLAIN}hash_function: ${name}`).hashFunction).toBe(name);
});

const BLOCK_SIZE = 'a whole number of bytes from 512 to 1073741824 that is a multiple of 512.';
const BOOLEAN = 'one of 1, yes, true, on, 0, no, false, off.';
const FILE_MODE = 'an octal mode such as 0600, 0640 or 0660 (6 for the owner; 0, 4 or 6 for the group; 0 or 4 for others).';
const SINGLE_PATH = 'a path on a single line (a line that is indented more than the one before continues its value).';

test.each([
  ['block_size: abc', `block_size: "abc" is not ${BLOCK_SIZE}`],
  ['block_size: 4096 ; comment', `block_size: "4096 ; comment" is not ${BLOCK_SIZE} A comment must be on a line of its own.`],
  ['block_size: 0', `block_size: "0" is not ${BLOCK_SIZE}`],
  ['block_size: 1000', `block_size: "1000" is not ${BLOCK_SIZE}`],
  ['block_size: 1073742336', `block_size: "1073742336" is not ${BLOCK_SIZE}`],
  ['block_size: -512', `block_size: "-512" is not ${BLOCK_SIZE}`],
  ['block_size:', `block_size: "" is not ${BLOCK_SIZE}`],
  ['workers: 0', 'workers: "0" is not a whole number from 1 to 256.'],
  ['workers: 257', 'workers: "257" is not a whole number from 1 to 256.'],
  ['hint_check_percent: 101', 'hint_check_percent: "101" is not a number from 0 to 100.'],
  [
    'keep_removed: 59m',
    'keep_removed: "59m" is not a number with s, m, h or d (such as 30m, 6h, 1d), at most 36500d, and at least 1h: ' +
      'backups of the original may still use what was just removed.',
  ],
  ...['0640x', '640.0', '0400', '0662', '0666', '1600', '7', '-0600', '0o600', ''].map((mode): [string, string] => [
    `file_mode: ${mode}`,
    `file_mode: ${JSON.stringify(mode)} is not ${FILE_MODE}`,
  ]),
  ['compression_level: 20', 'compression_level: "20" is not a whole number from 1 to 19.'],
  [
    'disallow_rm_when_younger_than_days: -1',
    'disallow_rm_when_younger_than_days: "-1" is not a whole number of days, 0 or more.',
  ],
  ['deduplication: maybe', `deduplication: "maybe" is not ${BOOLEAN}`],
  ['deduplication: 2', `deduplication: "2" is not ${BOOLEAN}`],
  ['deduplication: constructor', `deduplication: "constructor" is not ${BOOLEAN}`],
  ['hash_function: nope', `hash_function: "nope" is not one of ${HASH_FUNCTIONS.join(', ')}.`],
  ['logfile:', `logfile: "" is not ${SINGLE_PATH}`],
  ['logfile: a\n  workers: 1', `logfile: "a\\nworkers: 1" is not ${SINGLE_PATH}`],
  ['deduplication: flase', `deduplication: "flase" is not ${BOOLEAN} Did you mean false?`],
  ['hash_function: sha-512', `hash_function: "sha-512" is not one of ${HASH_FUNCTIONS.join(', ')}. Did you mean sha512?`],
  ['logfile: 100%', 'logfile: has a lone "%". Write "%%" for a percent sign.'],
])('[DEFAULTS] %j is an error', (text, message) => {
  expect(errorOf(PLAIN + text)).toBe(`backy.cfg: [DEFAULTS] ${message}`);
});

const ENGINES =
  'an engine URL: sqlite:////absolute/path, sqlite:///relative/path or postgresql://user:password@host:port/database.';

test.each([
  ['MetaBackend', 'type: nope', 'type: "nope" is not a known meta backend: backy2.meta_backends.sql (in short: sql).'],
  ['MetaBackend', 'sqlite_cache_mb: 0', 'sqlite_cache_mb: "0" is not a whole number of MiB from 1 to 65536.'],
  ['MetaBackend', 'layout: compacted', 'layout: "compacted" is not one of classic, compact. Did you mean compact?'],
  ['MetaBackend', 'engine: nonsense', `engine: "nonsense" is not ${ENGINES}`],
  ['MetaBackend', 'engine: mysql://me:secret@host/db', `engine: "mysql…" is not ${ENGINES}`],
  ['MetaBackend', 'engine: sqlite://data/x', `engine: "sqlite…" is not ${ENGINES}`],
  [
    'DataBackend',
    'type: nope',
    'type: "nope" is not one of backy2.data_backends.file, .s3, .minio, .null (in short: file, s3, minio, null).',
  ],
  ['DataBackend', 'path:', `path: "" is not ${SINGLE_PATH}`],
  ['DataBackend', 'bandwidth_read: 1M', 'bandwidth_read: "1M" is not a whole number of bytes a second, 0 or more.'],
  ['DataBackend', 'simultaneous_writes: 0', 'simultaneous_writes: "0" is not a whole number from 1 to 1024.'],
  ['io_file', 'simultaneous_reads: 1025', 'simultaneous_reads: "1025" is not a whole number from 1 to 1024.'],
  ['io_rbd', 'simultaneous_reads: x', 'simultaneous_reads: "x" is not a whole number from 1 to 1024.'],
  ['io_rbd', 'connect_timeout: 0', 'connect_timeout: "0" is not a whole number of seconds from 1 to 3600.'],
  [
    'io_rbd',
    'snapshot_prefix: -x',
    'snapshot_prefix: "-x" is not a prefix of snapshots: letters, digits, ".", "_" and "-", starting with a letter or digit.',
  ],
  ['io_null', 'simultaneous_writes: 1.5', 'simultaneous_writes: "1.5" is not a whole number from 1 to 1024.'],
])('[%s] %j is an error', (section, text, message) => {
  expect(errorOf(`${PLAIN}[${section}]\n${text}`)).toBe(`backy.cfg: [${section}] ${message}`);
});

test('options of unused parts are known, whatever their value', () => {
  const text = '[DataBackend]\naws_secret_access_key: 50%\nhost:\nuse_ssl: maybe\n[io_rbd]\nrados_name: x\n';
  expect(load(PLAIN + text).warnings).toEqual([]);
});

test.each(['RBD_FEATURE_LAYERING\n  fast-diff', 'layering, FAST_DIFF'])('image features may be written %j', (features) => {
  expect(load(`${PLAIN}[io_rbd]\nnew_image_features:\n  ${features}\n`).io.rbd.newImageFeatures).toBe(17);
});

test('an unknown image feature is an error, and no features at all are the default of the cluster', () => {
  expect(errorOf(`${PLAIN}[io_rbd]\nnew_image_features: RBD_FEATURE_LAYER`)).toMatch(
    /^backy.cfg: \[io_rbd\] new_image_features: "RBD_FEATURE_LAYER" is not a list of image features: RBD_FEATURE_LAYERING, /,
  );
  expect(load(`${PLAIN}[io_rbd]\nnew_image_features:\n`).io.rbd.newImageFeatures).toBeUndefined();
});
