import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { writeManPage } from './man.mjs';

rmSync('dist', { recursive: true, force: true });

/**
 * Bundles the program into dist/: one file starts in half the time of many. Chunks keep lazy imports lazy; what holds
 * compiled code stays a package.
 * @type {import('esbuild').BuildOptions}
 */
const OPTIONS = {
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  // Modules leave out what nobody calls, CommonJS can't: the S3 client is a quarter of what it would be.
  mainFields: ['module', 'main'],
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  minifySyntax: true,
  minifyWhitespace: true,
  // Asking Node for it loads its fetch(), which takes as long as pg itself; pg looks at it to tell another runtime.
  define: { Response: 'undefined' },
  external: ['better-sqlite3', 'fuse-native', 'koffi', 'pg-native', 'pg-query-stream', 'sqlite3'],
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
  },
  logLevel: 'warning',
};
await build({
  ...OPTIONS,
  entryPoints: {
    backy2: 'src/cli/main.ts',
    'run-program': 'src/cli/run-program.ts',
    'block-worker': 'src/engine/block-worker.ts',
    'rbd-worker': 'src/io/rbd/rbd-worker.ts',
  },
});
// By itself: what two entries share goes into more files, which every start of the program would have to load.
await build({ ...OPTIONS, entryPoints: { complete: 'src/cli/completion/main.ts' } });
await writeManPage(OPTIONS);
buildLanes('sha512-lanes');
buildLanes('md5-lanes');

/** Several checksums at once where the compiler and the processor can; elsewhere the program does without. @param {string} name */
function buildLanes(name) {
  if (process.arch !== 'x64') return;
  const compiler = process.env.CC ?? 'cc';
  const options = ['-O3', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', `dist/${name}.so`, `src/native/${name}.c`];
  const { status, error, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(
    `${compiler} did not build src/native/${name}.c, so checksums will be slower: ${error?.message ?? stderr}\n`,
  );
}
