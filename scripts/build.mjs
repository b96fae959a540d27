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
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  minifySyntax: true,
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
    'block-worker': 'src/engine/block-worker.ts',
    'rbd-worker': 'src/io/rbd/rbd-worker.ts',
  },
});
// By itself: what two entries share goes into more files, which every start of the program would have to load.
await build({ ...OPTIONS, entryPoints: { complete: 'src/cli/completion/main.ts' } });
await writeManPage(OPTIONS);
buildSha512();

/** Several checksums at once where the compiler and the processor can; elsewhere the program does without. */
function buildSha512() {
  if (process.arch !== 'x64') return;
  const compiler = process.env.CC ?? 'cc';
  const options = ['-O3', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', 'dist/sha512-lanes.so', 'src/native/sha512-lanes.c'];
  const { status, error, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(
    `${compiler} did not build src/native/sha512-lanes.c, so SHA-512 will be slower: ${error?.message ?? stderr}\n`,
  );
}
