import { isAbsolute, join } from 'node:path';
import { BackyError } from '../errors.ts';
import type { Environment } from './environment.ts';
import type { SectionName, Values } from './schema.ts';

/** Values that replace the schema's defaults. */
export type Presets = { [S in SectionName]?: Partial<Values<S>> };

/** Blocks in flight at which local disks are fastest. */
const AT_ONCE = { simultaneous_reads: 4, simultaneous_writes: 4 };

/**
 * The configuration without a config file: everything in one folder of the user, no encryption.
 * Creates nothing. @throws BackyError `config` if the user has no home folder.
 */
export function embeddedPresets(env: Environment): Presets {
  const state = stateFolder(env);
  return {
    DEFAULTS: { logfile: join(state, 'backy.log'), lock_dir: join(state, 'locks'), encryption_version: 0 },
    MetaBackend: { engine: `sqlite:///${join(state, 'backy.sqlite')}` },
    DataBackend: { path: join(state, 'data'), ...AT_ONCE },
    io_file: AT_ONCE,
  };
}

function stateFolder({ root, home, xdgDataHome, uid }: Environment): string {
  // The XDG specification says to ignore a relative path.
  if (xdgDataHome !== undefined && isAbsolute(xdgDataHome)) return join(xdgDataHome, 'backy2');
  if (uid === 0) return join(root, 'var/lib/backy2');
  if (home !== undefined && isAbsolute(home)) return join(home, '.local/share/backy2');
  throw new BackyError('config', 'There is no config file, and no home folder for the embedded default.', {
    hint: 'Name a config file with -c, or set HOME.',
  });
}
