import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

/** The names that a bundle finds, as the build has put them around it. */
type Bundle = (exports: object, require: (id: string) => unknown, module: { exports: object }, bundleUrl: string) => void;

const loaded = new Map<string, { exports: object }>();

/**
 * Runs the bundle `<folder>/<name>.cjs` once, and gives its exports.
 * @param folder absolute.
 */
export function loadBundle<T extends object>(folder: string, name: string): T {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports as T;
  const filename = `${folder}/${name}.cjs`;
  // The build writes ASCII alone, which is read the fastest so.
  const source = readFileSync(filename, 'latin1');
  const script = new Script(source, { filename });
  const module = { exports: {} };
  loaded.set(name, module);
  const requirePackage = createRequire(filename);
  const require = (id: string): unknown =>
    id.startsWith('./') ? loadBundle(folder, id.slice(2, -'.cjs'.length)) : requirePackage(id);
  (script.runInThisContext() as Bundle)(module.exports, require, module, pathToFileURL(filename).href);
  return module.exports as T;
}
