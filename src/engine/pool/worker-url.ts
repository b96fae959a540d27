/** The program of a block worker's thread: beside the bundle, or in the sources. */
export function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../worker/worker-thread.ts' : './block-worker.cjs', import.meta.url);
}
