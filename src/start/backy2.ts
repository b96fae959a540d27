import { loadBundle } from './load-bundle.ts';

/** The file that bin/backy2 starts. */
// Hidden: called by the scripts of `completion`. In a bundle of its own, so that it slows no other
// start.
if (process.argv[2] === '__complete') loadBundle(import.meta.dirname, 'complete');
else loadBundle<typeof import('../cli/main.ts')>(import.meta.dirname, 'program').main();
