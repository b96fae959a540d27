/** The bundle puts the worker beside the program; from source it is this folder's. */
export function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../worker/block-worker.ts' : './block-worker.cjs', import.meta.url);
}
