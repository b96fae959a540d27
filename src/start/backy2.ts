import { loadBundle } from './load-bundle.ts';

/** The file that bin/backy2 starts. */
// Hidden: what the scripts of `completion` ask. A bundle of its own, so that no other start pays for it.
if (process.argv[2] === '__complete') loadBundle(import.meta.dirname, 'complete');
else loadBundle<typeof import('../cli/main.ts')>(import.meta.dirname, 'program').main();
