import { RUN_DEFAULTS, type RunSettings } from '../model/job.ts';
import { commentWarnings } from './comments.ts';
import type { Config } from './config.ts';
import { embeddedPresets, type Presets } from './embedded.ts';
import { readEncryption } from './encryption.ts';
import { type Environment, processEnvironment } from './environment.ts';
import { exposedWarnings } from './exposed.ts';
import { type Ini, mergeInis, parseIni } from './ini.ts';
import { readJobs } from './jobs.ts';
import { readConfigFiles } from './lookup.ts';
import { readS3 } from './s3.ts';
import { isScheduler, readSchedulers } from './schedulers.ts';
import { RUN_SECTION, type Values } from './schema.ts';
import { readSection } from './section.ts';
import { refuseWrongCase, unreadWarnings } from './unread.ts';

/**
 * Reads and checks the configuration, and creates nothing on disk.
 * @param configFile the only file to read. If undefined or empty, the default files are read; if
 * none of them exists, the embedded default applies.
 * @param content of `configFile`, if it is already read: a pipe can be read only once.
 * @throws BackyError `config` for a missing or wrong option. An unknown option becomes a warning.
 */
export function loadConfig(
  configFile: string | undefined,
  env: Environment = processEnvironment(),
  content?: Uint8Array,
): Config {
  const files = readConfigFiles(configFile, env, content);
  const embedded = files.length === 0;
  const ini = mergeInis(files.map(({ name, text }) => parseIni(text, name)));
  refuseWrongCase(ini);
  const presets: Presets = embedded ? embeddedPresets(env) : {};
  const defaults = readSection(ini, 'DEFAULTS', presets.DEFAULTS);
  const storage = readSection(ini, 'DataBackend', presets.DataBackend);
  return {
    files: ini.files,
    embedded,
    ...readGeneral(ini, defaults, env),
    ...readMeta(readSection(ini, 'MetaBackend', presets.MetaBackend)),
    catalogue: storage.catalogue,
    data: readData(ini, storage, defaults.file_mode),
    io: readIo(ini, presets),
    ...readSchedulers(ini),
    ...readJobs(ini),
    run: readRun(ini),
    warnings: [...unreadWarnings(ini), ...commentWarnings(ini), ...exposedWarnings(files)],
  };
}

function readGeneral(ini: Ini, values: Values<'DEFAULTS'>, { cpus }: Environment) {
  return {
    logfile: values.logfile,
    blockSize: values.block_size,
    hashFunction: values.hash_function,
    lockDir: values.lock_dir,
    cacheDir: values.cachedir,
    processName: values.process_name,
    fileMode: values.file_mode,
    disallowRmWhenYoungerThanDays: values.disallow_rm_when_younger_than_days,
    keepRemovedSeconds: values.keep_removed,
    deduplication: values.deduplication,
    workers: values.workers,
    cpus,
    hintCheckPercent: values.hint_check_percent,
    compressionLevel: values.compression_level,
    defaultSchedulers: values.default_schedulers,
    slaSchedulers: values.sla_schedulers,
    slaNewNamesByAge: values.sla_new_names === 'by-age',
    ...readEncryption(ini, values.encryption_version),
  };
}

function readMeta(values: Values<'MetaBackend'>): Pick<Config, 'engine' | 'layout' | 'sqliteCacheMb'> {
  return { engine: values.engine, layout: values.layout, sqliteCacheMb: values.sqlite_cache_mb };
}

function readData(ini: Ini, values: Values<'DataBackend'>, fileMode: number): Config['data'] {
  return {
    simultaneousWrites: values.simultaneous_writes,
    simultaneousReads: values.simultaneous_reads,
    bandwidthRead: values.bandwidth_read,
    bandwidthWrite: values.bandwidth_write,
    backend: readBackend(ini, values, fileMode),
  };
}

function readBackend(
  ini: Ini,
  { type, path, direct_io: directIo }: Values<'DataBackend'>,
  fileMode: number,
): Config['data']['backend'] {
  if (type === 's3' || type === 'minio') return readS3(ini, type);
  return type === 'null' ? { type } : { type, path, durable: true, directIo, fileMode };
}

function readRun(ini: Ini): RunSettings {
  if (isScheduler(ini, RUN_SECTION)) return RUN_DEFAULTS;
  const values = readSection(ini, RUN_SECTION);
  return {
    ...{ parallel: values.parallel, prune: values.prune, scrubPercent: values.scrub },
    ...{ upkeepSeconds: values.upkeep_interval, onProblem: values.on_problem || undefined },
  };
}

function readIo(ini: Ini, presets: Presets): Config['io'] {
  return {
    file: readFileIo(readSection(ini, 'io_file', presets.io_file)),
    rbd: readRbd(readSection(ini, 'io_rbd')),
    null: limits(readSection(ini, 'io_null', presets.io_null)),
  };
}

function readFileIo(values: Values<'io_file'>): Config['io']['file'] {
  return { ...limits(values), directIo: values.direct_io };
}

function readRbd(values: Values<'io_rbd'>): Config['io']['rbd'] {
  return {
    ...limits(values),
    conffile: values.ceph_conffile,
    clusterName: values.cluster_name,
    radosName: values.rados_name,
    connectTimeoutSeconds: values.connect_timeout,
    operationTimeoutSeconds: values.operation_timeout,
    // An empty list means the cluster's default.
    newImageFeatures: values.new_image_features || undefined,
    snapshotPrefix: values.snapshot_prefix,
  };
}

function limits(values: Values<'io_file' | 'io_null' | 'io_rbd'>): Config['io']['null'] {
  return { simultaneousReads: values.simultaneous_reads, simultaneousWrites: values.simultaneous_writes };
}
