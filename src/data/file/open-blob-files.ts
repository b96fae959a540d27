import { BackyError } from '../../errors.ts';
import { OWNER_ONLY } from '../../native/create-file.ts';
import { openWholeFiles } from '../../native/whole-files.ts';
import type { FileBackendOptions } from '../options.ts';
import type { BlobFiles } from './blob-files.ts';
import { durableCalls } from './durable-calls.ts';
import { HandleFiles } from './handle-files.ts';
import { NativeFiles } from './native-files.ts';

/**
 * The quickest way that this installation has. @throws BackyError if that has no direct I/O, and
 * the option demands it. `library`: null if it was not built.
 */
export function openBlobFiles(options: FileBackendOptions, library = openWholeFiles() ?? null): BlobFiles {
  const { durable: isDurable, fileMode = OWNER_ONLY, directIo = 'auto', mayBlock } = options;
  if (library !== null) return new NativeFiles(library, { isDurable, fileMode, directIo, mayBlock });
  if (directIo !== 'on') return new HandleFiles({ isDurable, fileMode }, durableCalls);
  throw new BackyError('dataBackend', 'Direct I/O of blobs needs whole-files.so, which this installation lacks.', {
    hint: 'Install a C compiler and build backy2 again, or set direct_io: auto in section DataBackend.',
  });
}
