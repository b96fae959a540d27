import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';

/**
 * What all parts of the program are built with. What holds compiled code stays a package.
 * @type {import('esbuild').BuildOptions}
 */
export const COMMON = {
  outdir: 'dist',
  bundle: true,
  // Modules leave out what nobody calls, CommonJS can't: the S3 client is a quarter of what it would be.
  mainFields: ['module', 'main'],
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  // Asking Node for it loads its fetch(), which takes as long as pg itself; pg looks at it to tell another runtime.
  define: { Response: 'undefined' },
  external: ['better-sqlite3', 'fuse-native', 'koffi', 'pg-native', 'pg-query-stream', 'sqlite3'],
  logLevel: 'warning',
};

/**
 * A file that `loadBundle` runs (src/start/load-bundle.ts), whole by itself: one file is read and compiled in a third of the time of
 * thirty, and V8 can keep what it has made of it, which Node lets it do for CommonJS alone. A lazy import is a part of it that runs late.
 * @type {import('esbuild').BuildOptions}
 */
const BUNDLE = {
  ...COMMON,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  sourcemap: 'linked',
  charset: 'ascii',
  supported: { 'dynamic-import': false },
  define: { ...COMMON.define, 'import.meta.url': 'bundleUrl' },
  banner: { js: '(function(exports,require,module,bundleUrl){' },
  footer: { js: '})' },
  plugins: [{ name: 'parts', setup: leaveOutParts }],
};

/** Bundles by name, each with the module it is made of. */
const BUNDLES = {
  program: 'src/cli/main.ts',
  blocks: 'src/engine/block-worker.ts',
  complete: 'src/cli/completion/main.ts',
};
/** Packages that only some users need, and that others should not even read. Nothing of ours is in them. */
const PARTS = { 's3-sdk': 'src/data/s3/sdk.ts', pg: 'node_modules/pg/lib/index.js' };

/** What Node loads by itself. */
const STARTERS = {
  backy2: 'src/start/backy2.ts',
  'block-worker': 'src/start/block-worker.ts',
  'keep-code': 'src/start/keep-code.ts',
  'write-code-caches': 'src/start/write-code-caches.ts',
};

/** Bundles the program into dist/. */
export async function buildProgram() {
  await build({ ...BUNDLE, entryPoints: BUNDLES });
  await build({ ...BUNDLE, entryPoints: PARTS, plugins: [] });
  for (const name of Object.keys({ ...BUNDLES, ...PARTS })) sign(`dist/${name}.cjs`);
  const plain = { ...BUNDLE, footer: {}, plugins: [] };
  const define = { ...COMMON.define, 'import.meta.dirname': '__dirname' };
  await build({ ...plain, banner: {}, define, entryPoints: STARTERS });
  const banner = { js: "const bundleUrl=require('node:url').pathToFileURL(__filename).href;" };
  await build({ ...plain, banner, entryPoints: { 'rbd-worker': 'src/io/rbd/rbd-worker.ts' } });
  await build({ ...COMMON, format: 'esm', entryPoints: { 'run-program': 'src/start/run-program.ts' } });
}

/** Ends a bundle with its own hash: `sourceId` (src/start/code-cache.ts). @param {string} path */
function sign(path) {
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  appendFileSync(path, `// ${hash.slice(0, 16)}`);
}

/** @param {import('esbuild').PluginBuild} context */
function leaveOutParts({ onResolve }) {
  onResolve({ filter: /^\.\/sdk\.ts$/ }, () => ({ path: './s3-sdk.cjs', external: true }));
  onResolve({ filter: /^pg$/ }, () => ({ path: './pg.cjs', external: true }));
}
