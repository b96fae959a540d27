import { fileURLToPath } from 'node:url';
import { loadBundle } from './load-bundle.ts';

/** The program as a module, for a process that runs many command lines. */
export const { runProgram } = loadBundle<typeof import('../cli/main.ts')>(
  fileURLToPath(new URL('.', import.meta.url)).slice(0, -1),
  'program',
);
