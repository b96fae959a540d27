import { type Pruning, RUN_DEFAULTS } from '../model/job.ts';
import { LAYOUTS, type Layout } from '../model/layout.ts';
import { FEATURE_NAMES, featureBits } from './image-features.ts';
import {
  bool,
  duration,
  fileMode,
  type Kind,
  line,
  names,
  oneOf,
  path,
  percent,
  positiveDuration,
  wholeNumber,
} from './kinds.ts';

/** A known option: the kind of its value, and its default. */
export interface Option<T> {
  kind: Kind<T>;
  initial: T;
  /** The name is known, but other code reads the value. */
  deferred?: true;
}

const atOnce = wholeNumber({ min: 1, max: 1024 });
const bytesPerSecond = wholeNumber({ min: 0, unit: 'bytes a second' });
const deferred: Option<string | undefined> = { kind: line, initial: undefined, deferred: true };

/** Hash functions of block checksums, as Python's hashlib names them (docs/spec/formats.md §1). */
export const HASH_FUNCTIONS = [
  ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'],
  ...['sha3_224', 'sha3_256', 'sha3_384', 'sha3_512', 'blake2b', 'blake2s'],
];

const hashFunction = oneOf(Object.fromEntries(HASH_FUNCTIONS.map((name) => [name, name])));

const metaType = oneOf(
  { 'backy2.meta_backends.sql': 'sql', sql: 'sql' },
  'a known meta backend: backy2.meta_backends.sql (in short: sql)',
);

const layout = oneOf(Object.fromEntries(LAYOUTS.map((name) => [name, name])));

const directIo = oneOf<'auto' | 'on' | 'off'>({ auto: 'auto', on: 'on', off: 'off' });
const dataType = oneOf<'file' | 'null' | 's3' | 'minio'>(
  {
    ...{ 'backy2.data_backends.file': 'file', file: 'file' },
    ...{ 'backy2.data_backends.null': 'null', null: 'null' },
    ...{ 'backy2.data_backends.s3': 's3', s3: 's3' },
    ...{ 'backy2.data_backends.minio': 'minio', minio: 'minio' },
  },
  'one of backy2.data_backends.file, .s3, .minio, .null (in short: file, s3, minio, null)',
);

/** Names on several lines, as in the original, or comma separated. Empty: the cluster's default. */
const imageFeatures: Kind<number | undefined> = {
  allowed: `a list of image features: ${FEATURE_NAMES.join(', ')}`,
  parse: (text) => featureBits(text.split(/[\s,]+/).filter(Boolean)),
};

/**
 * How long removed versions can come back. A backup of the original may still use a blob that was
 * removed a moment ago: an hour is its own limit.
 */
const keepRemoved: Kind<number> = {
  allowed: `${duration.allowed}, and at least 1h: backups of the original may still use what was just removed`,
  parse: (text) => {
    const seconds = duration.parse(text);
    return seconds !== undefined && seconds >= 3_600 ? seconds : undefined;
  },
};

/** Must not be empty: snapshots named by this prefix and a time are ours, and get removed. */
const snapshotPrefix: Kind<string> = {
  allowed: 'a prefix of snapshots: letters, digits, ".", "_" and "-", starting with a letter or digit',
  parse: (text) => (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) ? text : undefined),
};

/**
 * See docs/spec/formats.md §3. The meta store checks the rest of the URL. Errors hide the part that
 * may contain a password.
 */
const engine: Kind<string> = {
  allowed: 'an engine URL: sqlite:////absolute/path, sqlite:///relative/path or postgresql://user:password@host:port/database',
  parse: (text) => (/^(sqlite:\/\/\/.|postgres(ql)?(\+psycopg2)?:\/\/)/.test(text) && !text.includes('\n') ? text : undefined),
  show: (text) => JSON.stringify(text.replace(/[:@\n].*/s, '…')),
};

/** Blobs that the upkeep verifies, in the words of `scrub`; undefined: none. */
const scrubWords: Kind<number | undefined> = {
  allowed: '--oldest PERCENT, from 1 to 100',
  parse: (text) => {
    const percent = Number(/^--oldest[ \t=]+(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
    return percent >= 1 && percent <= 100 ? percent : undefined;
  },
};

/** The section for `run`, or a scheduler of that name: see `isScheduler`. */
export const RUN_SECTION = 'run';

const pruning = oneOf<Pruning>({ expired: 'expired', yes: 'yes', no: 'no' });

/**
 * The program's own sections and their options. Every other section is a job or a scheduler.
 */
export const SCHEMA = {
  DEFAULTS: {
    logfile: option(path, '/tmp/backy.log'),
    block_size: option(wholeNumber({ min: 512, max: 2 ** 30, multipleOf: 512, unit: 'bytes' }), 4194304),
    hash_function: option(hashFunction, 'sha512'),
    lock_dir: option(line, '/tmp'),
    cachedir: option(path, '/tmp'),
    process_name: option(line, 'backy2'),
    file_mode: option(fileMode, 0o600),
    disallow_rm_when_younger_than_days: option(wholeNumber({ min: 0, unit: 'days' }), 0),
    keep_removed: option(keepRemoved, 3_600),
    deduplication: option(bool, true),
    workers: option<number | undefined>(wholeNumber({ min: 1, max: 256 }), undefined),
    hint_check_percent: option(percent, 0),
    compression_level: option(wholeNumber({ min: 1, max: 19 }), 1),
    // Read by encryption.ts, since a wrong key matters only with encryption.
    encryption_key: deferred,
    recovery_key_file: deferred,
    recovery_passphrase_file: deferred,
    encryption_version: option<0 | 1 | undefined>(oneOf<0 | 1>({ 0: 0, 1: 1 }), undefined),
    default_schedulers: option(names, ['daily']),
    sla_schedulers: option(names, ['daily', 'weekly', 'monthly']),
    sla_new_names: option<'by-keep' | 'by-age'>(oneOf({ 'by-keep': 'by-keep', 'by-age': 'by-age' }), 'by-keep'),
  },
  MetaBackend: {
    type: option(metaType, 'sql'),
    engine: option(engine, 'sqlite:////tmp/backy.sqlite'),
    layout: option<Layout | undefined>(layout, undefined),
    sqlite_cache_mb: option(wholeNumber({ min: 1, max: 65536, unit: 'MiB' }), 256),
  },
  DataBackend: {
    type: option(dataType, 'file'),
    simultaneous_writes: option(atOnce, 1),
    simultaneous_reads: option(atOnce, 1),
    bandwidth_read: option(bytesPerSecond, 0),
    bandwidth_write: option(bytesPerSecond, 0),
    path: option(path, '/tmp'),
    direct_io: option(directIo, 'auto'),
    catalogue: option(bool, true),
    // Read by s3.ts, for types s3 and minio only.
    aws_access_key_id: deferred,
    aws_access_key_id_file: deferred,
    aws_secret_access_key: deferred,
    aws_secret_access_key_file: deferred,
    region_name: deferred,
    endpoint_url: deferred,
    use_ssl: deferred,
    bucket_name: deferred,
    addressing_style: deferred,
    signature_version: deferred,
    disable_encoding_type: deferred,
    host: deferred,
    secure: deferred,
    request_timeout: deferred,
    retry_time: deferred,
  },
  io_file: {
    simultaneous_reads: option(atOnce, 1),
    simultaneous_writes: option(atOnce, 1),
    direct_io: option(directIo, 'auto'),
  },
  io_rbd: {
    ceph_conffile: option<string | undefined>(path, undefined),
    cluster_name: option(line, 'ceph'),
    rados_name: option(line, 'client.admin'),
    simultaneous_reads: option(atOnce, 10),
    simultaneous_writes: option(atOnce, 1),
    new_image_features: option<number | undefined>(imageFeatures, undefined),
    connect_timeout: option(wholeNumber({ min: 1, max: 3600, unit: 'seconds' }), 30),
    operation_timeout: option(wholeNumber({ min: 0, max: 86400, unit: 'seconds' }), 0),
    snapshot_prefix: option<string | undefined>(snapshotPrefix, undefined),
  },
  io_null: { simultaneous_reads: option(atOnce, 1), simultaneous_writes: option(atOnce, 1) },
  [RUN_SECTION]: {
    parallel: option(wholeNumber({ min: 1, max: 64 }), RUN_DEFAULTS.parallel),
    prune: option(pruning, RUN_DEFAULTS.prune),
    scrub: option<number | undefined>(scrubWords, RUN_DEFAULTS.scrubPercent),
    upkeep_interval: option(positiveDuration, RUN_DEFAULTS.upkeepSeconds),
    on_problem: option<string | undefined>(line, RUN_DEFAULTS.onProblem),
  },
} satisfies Record<string, Record<string, Option<unknown>>>;

/** The options of a scheduler. All but `names` are required. */
export const SCHEDULER = { interval: duration, keep: wholeNumber({ min: 0, max: 1_000_000 }), sla: duration, names };

/** A section with this prefix is a job, whatever options it has. */
export const JOB_PREFIX = 'job:';

/** Whether a section is a job, possibly a broken one. */
export function isJob(section: string): boolean {
  return section.startsWith(JOB_PREFIX);
}

/** The options of a job. Only `source` is required. */
export const JOB = {
  ...{ source: line, schedulers: names, name: line, before: line, after: line },
  hook_timeout: positiveDuration,
};

/** Options whose values are shell commands. */
export const COMMANDS = ['before', 'after', 'on_problem'];

/** A section of the program's own. */
export type SectionName = keyof typeof SCHEMA;

/** A section's values by option name. */
export type Values<S extends SectionName> = {
  [K in keyof (typeof SCHEMA)[S]]: (typeof SCHEMA)[S][K] extends Option<infer T> ? T : never;
};

/** The names of the options that [DEFAULT] may have, which every section inherits. */
export function knownAnywhere(): string[] {
  return [...Object.values(SCHEMA), SCHEDULER, JOB].flatMap((options) => Object.keys(options));
}

function option<T>(kind: Kind<T>, initial: NoInfer<T>): Option<T> {
  return { kind, initial };
}
