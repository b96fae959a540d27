import { loadBundle } from './load-bundle.ts';

/** The file that a thread of the worker pool starts. */
loadBundle(import.meta.dirname, 'blocks');
