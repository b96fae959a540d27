import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';

/** Packages that are not bundled. */
const PACKAGES = ['better-sqlite3', 'fuse-native', 'koffi', 'pg-native', 'pg-query-stream', 'sqlite3'];
const SQLITE = 'better-sqlite3/build/Release/better_sqlite3.node';

/**
 * Options for all parts of the program. A package with compiled code stays a package.
 * @type {import('esbuild').BuildOptions}
 */
export const COMMON = {
  outdir: 'dist',
  bundle: true,
  // From modules, unused code is left out, which CommonJS does not allow: that cuts the S3 client
  // to a quarter.
  mainFields: ['module', 'main'],
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  // pg looks at it to recognise another runtime. In Node that loads fetch(), which takes as long as
  // pg itself.
  define: { Response: 'undefined' },
  external: PACKAGES,
  logLevel: 'warning',
};

/**
 * A file that `loadBundle` runs (src/start/load-bundle.ts), complete in itself: one file loads
 * faster than thirty. It is CommonJS, since only for that Node 20 lets V8 keep its compiled code. A
 * lazy import is a part of it that runs later.
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
  // Its JavaScript, 14 files, is bundled.
  external: PACKAGES.filter((name) => name !== 'better-sqlite3'),
  banner: { js: '(function(exports,require,module,bundleUrl){' },
  footer: { js: '})' },
  plugins: [{ name: 'leave-out', setup: leaveOut }],
};

/** Bundles by name, each with the module it is made of. */
const BUNDLES = {
  program: 'src/cli/main.ts',
  blocks: 'src/engine/worker/worker-thread.ts',
  complete: 'src/cli/words/completion/main.ts',
};
/**
 * Packages that only some commands or users need: the others should not read them. No code of this
 * project is in them.
 */
const PARTS = {
  's3-sdk': 'src/data/s3/sdk.ts',
  knex: 'src/meta/sql/knex.ts',
  pg: 'node_modules/pg/lib/index.js',
  d3: 'src/cli/report/d3.ts',
  prometheus: 'src/core/monitor/prometheus.ts',
};

/** Files that Node loads itself. */
const STARTERS = {
  backy2: 'src/start/backy2.ts',
  'block-worker': 'src/start/block-worker.ts',
  'keep-code': 'src/start/keep-code.ts',
  'write-code-caches': 'src/start/write-code-caches.ts',
};

/** Bundles the program into dist/. */
export async function buildProgram() {
  await build({ ...BUNDLE, entryPoints: BUNDLES });
  await build({ ...BUNDLE, entryPoints: PARTS, external: PACKAGES, plugins: [] });
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
function leaveOut({ onLoad, onResolve }) {
  onResolve({ filter: /^\.\/sdk\.ts$/ }, () => ({ path: './s3-sdk.cjs', external: true }));
  onResolve({ filter: /^\.\/knex\.ts$/ }, () => ({ path: './knex.cjs', external: true }));
  onResolve({ filter: /^\.\/d3\.ts$/ }, () => ({ path: './d3.cjs', external: true }));
  onResolve({ filter: /^\.\/prometheus\.ts$/ }, () => ({ path: './prometheus.cjs', external: true }));
  onResolve({ filter: /^pg$/ }, () => ({ path: './pg.cjs', external: true }));
  // Commander needs it for subcommands that are programs, of which there is none. It would load
  // Node's network code.
  onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
    importer.includes('/commander/') ? { path: 'nothing', namespace: 'nothing' } : undefined,
  );
  onLoad({ filter: /^nothing$/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {};' }));
  // It would look for the compiled part in twenty places; npm puts it in this one. If it is
  // missing, the program says so at the start, as of any other package.
  onResolve({ filter: /^bindings$/ }, () => ({ path: 'bindings', namespace: 'bindings' }));
  onLoad({ filter: /^bindings$/, namespace: 'bindings' }, () => ({ contents: `module.exports = () => require('${SQLITE}');` }));
  onLoad({ filter: /\/better-sqlite3\/lib\/index\.js$/ }, ({ path }) => ({
    contents: `require.resolve('${SQLITE}');\n${readFileSync(path, 'utf8')}`,
  }));
  onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, external: true }));
}
