import type { DataBackend } from './data-backend.ts';
import { FileBackend } from './file/file-backend.ts';
import { NullBackend } from './null-backend.ts';
import type { DataBackendOptions } from './options.ts';
import type { RetryNotice } from './retrier.ts';
import { RetryingBackend } from './retrying-backend.ts';
import { S3Backend } from './s3/s3-backend.ts';

/**
 * Opens the data backend of a configuration, for the calling thread. Touches no storage yet.
 * `onRetry` is called for each request that failed and is repeated; it MUST be cheap. `mayBlock`:
 * calls may block that thread.
 */
export function openDataBackend(
  { backend }: DataBackendOptions,
  onRetry: (notice: RetryNotice) => void,
  mayBlock = false,
): DataBackend {
  switch (backend.type) {
    case 'file':
      return new FileBackend({ ...backend, mayBlock });
    case 'null':
      return new NullBackend();
    case 's3':
      return new RetryingBackend(new S3Backend(backend), { retryForMs: backend.retryForMs, onRetry, random: Math.random });
  }
}
