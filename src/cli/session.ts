import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { Backy } from '../core/backy.ts';
import type { OnProgress } from '../core/progress.ts';
import { BackyError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { metaStoreFor } from '../meta/open-store.ts';
import { anySignal } from '../model/aborter.ts';
import { OWNER_ONLY } from '../native/create-file.ts';
import { makeFolders } from '../native/make-folders.ts';
import { locksFor } from './installation/locks-for.ts';
import { otherInstances } from './installation/other-instances.ts';
import { ownFiles } from './installation/own-files.ts';

/** The configuration and the surroundings of a run. */
interface BackyOptions {
  config: Config;
  /** The name of the subcommand. */
  command: string;
  logger: Logger;
  signal: AbortSignal;
  /** False: nothing connects to the database, not even for locks. */
  needsDatabase: boolean;
  onProgress: OnProgress;
  onStuckThreads(): void;
}

/** Creates a Backy from the configuration, without opening anything. */
export async function createBacky({
  config,
  command,
  logger,
  needsDatabase,
  onProgress,
  onStuckThreads,
  ...given
}: BackyOptions): Promise<Backy> {
  const now = () => new Date();
  const { locks, lost, fence } = await locksFor(config, command, needsDatabase);
  const signal = lost === undefined ? given.signal : anySignal([given.signal, lost]);
  return new Backy({
    meta: await metaStoreFor({
      engine: config.engine,
      cacheMb: config.sqliteCacheMb,
      cacheDir: config.cacheDir,
      fileMode: config.fileMode,
      createIfMissing: config.embedded,
      logger,
      now,
      signal,
      fence,
    }),
    locks,
    logger,
    data: config.data,
    io: config.io,
    installationFiles: ownFiles(config),
    settings: {
      layout: config.layout,
      blockSize: config.blockSize,
      hashFunction: config.hashFunction,
      encryption: {
        version: config.encryptionVersion,
        isAssumed: config.encryptionAssumed,
        key: config.encryptionKey,
        recovery: config.recovery,
        compressionLevel: config.compressionLevel,
      },
      deduplication: config.deduplication,
      catalogue: config.catalogue,
      workers: config.workers,
      cpus: config.cpus,
      hintCheckPercent: config.hintCheckPercent,
      disallowRmWhenYoungerThanDays: config.disallowRmWhenYoungerThanDays,
      keepRemovedSeconds: config.keepRemovedSeconds,
      cacheDir: config.cacheDir,
      fileMode: config.fileMode,
      schedulers: config.schedulers,
      brokenSchedulers: config.brokenSchedulers,
      defaultSchedulers: config.defaultSchedulers,
      slaSchedulers: config.slaSchedulers,
      slaNewNamesByAge: config.slaNewNamesByAge,
      jobs: config.jobs,
      brokenJobs: config.brokenJobs,
      run: config.run,
    },
    signal,
    onProgress,
    now,
    random: Math.random,
    onStuckThreads,
    otherInstances: () => otherInstances(config.processName),
  });
}

/** Creates the folders of the embedded default. */
export async function prepareEmbedded(config: Config): Promise<void> {
  const folders = [dirname(config.logfile), config.lockDir].filter((folder) => folder !== '');
  for (const folder of folders) {
    try {
      await makeFolders(folder, OWNER_ONLY);
    } catch (cause) {
      throw new BackyError('config', `Cannot make the folder ${folder}: ${messageOf(cause)}`, {
        hint: 'It is for the state of the embedded default. Is its file system mounted? Or name a config file with -c.',
        cause,
      });
    }
  }
}
