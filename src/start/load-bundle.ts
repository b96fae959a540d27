import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { sourceId, unpackCodeCache } from './code-cache.ts';

/** The function that the build has put around a bundle. */
type Bundle = (exports: object, require: (id: string) => unknown, module: { exports: object }, bundleUrl: string) => void;

const loaded = new Map<string, { exports: object }>();

/**
 * Runs the bundle `<folder>/<name>.cjs` once. With the code cache beside it, a start compiles
 * almost nothing. If that is missing or does not fit, V8 compiles the source.
 * @param folder absolute.
 * @returns its exports.
 */
export function loadBundle<T extends object>(folder: string, name: string): T {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports as T;
  const filename = `${folder}/${name}.cjs`;
  // The build writes ASCII alone: latin1 is the fastest way to read it.
  const source = readFileSync(filename, 'latin1');
  const cachedData = codeCacheOf(`${folder}/${name}.cache`, sourceId(source));
  const script = new Script(source, { filename, ...(cachedData === undefined ? {} : { cachedData }) });
  const module = { exports: {} };
  loaded.set(name, module);
  const requirePackage = createRequire(filename);
  const require = Object.assign(
    (id: string): unknown => (id.startsWith('./') ? loadBundle(folder, id.slice(2, -'.cjs'.length)) : requirePackage(id)),
    { resolve: (id: string) => requirePackage.resolve(id) },
  );
  try {
    (script.runInThisContext() as Bundle)(module.exports, require, module, pathToFileURL(filename).href);
  } catch (error) {
    // Otherwise the next call would take half of it for the whole.
    loaded.delete(name);
    throw error;
  }
  return module.exports as T;
}

/** Undefined if it can't be read: the program is slower then. */
function codeCacheOf(path: string, id: string): Buffer | undefined {
  try {
    return unpackCodeCache(readFileSync(path), id);
  } catch {
    return undefined;
  }
}
