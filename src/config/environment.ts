import { availableParallelism, homedir } from 'node:os';

/** The surroundings that the configuration depends on, besides its files. */
export interface Environment {
  /** The parent folder of `etc` and `var`. */
  root: string;
  /** The current folder. */
  cwd: string;
  /** Undefined: the user has none. */
  home: string | undefined;
  /** $XDG_DATA_HOME. */
  xdgDataHome: string | undefined;
  uid: number;
  cpus: number;
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return {
    root: '/',
    // process.cwd() would throw in a deleted folder.
    cwd: '.',
    home: homeFolder(),
    xdgDataHome: process.env.XDG_DATA_HOME,
    uid: process.getuid?.() ?? -1,
    cpus: availableParallelism(),
  };
}

function homeFolder(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    // No $HOME, and a uid that is missing in /etc/passwd, as in containers.
    return undefined;
  }
}
