import type { DataBackend } from './data-backend.ts';
import { FileBackend } from './file/file-backend.ts';
import { NullBackend } from './null-backend.ts';
import type { DataBackendOptions } from './options.ts';

/** Opens the data backend of a configuration, for the calling thread. Touches no storage yet. */
export function openDataBackend(options: DataBackendOptions): DataBackend {
  switch (options.backend.type) {
    case 'file':
      return new FileBackend(options.backend);
    case 'null':
      return new NullBackend();
  }
}
