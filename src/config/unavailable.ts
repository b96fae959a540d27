import type { BackyError } from '../errors.ts';

/**
 * What existing configurations may ask for and this release can't do yet.
 * A part that arrives takes its lines out of this file; nothing else refuses it.
 */

/** Makes an error that goes on after `file: [section] option: `. */
type Fail = (problem: string) => BackyError;

/** The data backends that work, as errors list them. */
export const DATA_BACKENDS = 'one of backy2.data_backends.file, backy2.data_backends.null (in short: file, null)';

/** The data backend if this release has it; `written` is its type as the config has it. */
export function availableDataBackend(type: 'file' | 'null' | 's3' | 'minio', written: string, fail: Fail): 'file' | 'null' {
  if (type === 'file' || type === 'null') return type;
  throw fail(`${JSON.stringify(written)} is not available in this release; use backy2.data_backends.file or .null`);
}
