import { FileSource } from './file/file-source.ts';
import { FileTarget } from './file/file-target.ts';
import { prepareFileTarget } from './file/prepare-file-target.ts';
import { parseIoUrl } from './io-url.ts';
import { NullSource, NullTarget } from './null/null-io.ts';
import { parseNullSize } from './null/null-size.ts';
import type { IoLimits, IoOptions } from './options.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';

/** Opens a source for the calling thread. `blockSize` in bytes: the null source makes its data up by blocks. */
export function openSource(url: string, blockSize: number): Source {
  const { scheme, path } = parseIoUrl(url);
  return scheme === 'file' ? new FileSource(path) : new NullSource(parseNullSize(path), blockSize);
}

/** How many reads and writes may be in flight at a source or target of this kind. */
export function limitsOf(url: string, options: IoOptions): IoLimits {
  return options[parseIoUrl(url).scheme];
}

/** What {@link prepareTarget} found. */
export interface PreparedTarget {
  /** True when the target was just made and reads as zeros everywhere. */
  isNew: boolean;
}

/**
 * Makes a target ready, once for all threads: creates it with `sizeBytes`, or, with `force`, takes an existing one
 * that is large enough. Refusals are BackyErrors `targetRefused`.
 */
export function prepareTarget(url: string, sizeBytes: number, force: boolean): PreparedTarget {
  const { scheme, path } = parseIoUrl(url);
  return { isNew: scheme === 'file' ? prepareFileTarget(path, sizeBytes, force) : true };
}

/** Opens a prepared target for the calling thread. */
export function openTarget(url: string): Target {
  const { scheme, path } = parseIoUrl(url);
  return scheme === 'file' ? new FileTarget(path) : new NullTarget();
}
