import { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { SharedSource } from '../../io/shared.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { Context } from '../context.ts';
import { retryLog } from '../store/storage.ts';
import { tellWaiting } from './waiting.ts';
import { workersFor } from './worker-count.ts';

/** Starts block workers that fetch and check, and compare with a source if there is one. */
export function startScrubPool(context: Context, geometry: Geometry, source?: SharedSource): WorkerPool {
  const { settings, data, logger, signal } = context;
  return new WorkerPool(
    {
      workers: workersFor(settings, geometry.sizeBytes),
      hashFunction: settings.hashFunction,
      encryption: settings.encryption,
      data,
      onRetry: retryLog(logger),
      source: source?.spec,
      onQuiet: tellWaiting(logger, ...(source === undefined ? [] : [source.spec.url]), 'the data backend'),
      ...geometry,
    },
    signal,
  );
}
