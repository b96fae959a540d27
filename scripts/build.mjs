import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { buildProgram } from './bundles.mjs';
import { isUpToDate, noteInputs } from './inputs.mjs';
import { writeManPage } from './man.mjs';

// Every command of package.json that needs dist/ builds it: only the first of them has to.
if (process.argv.includes('--force') || !isUpToDate()) await buildAll();

async function buildAll() {
  rmSync('dist', { recursive: true, force: true });
  await buildProgram();
  await writeManPage();
  const areBuilt = [buildLanes('sha512-lanes'), buildLanes('md5-lanes')];
  // The program runs for it.
  spawnSync(process.execPath, ['dist/write-code-caches.cjs'], { stdio: 'inherit' });
  // With a compiler the next build makes what is missing.
  if (!areBuilt.includes(false)) noteInputs();
}

/**
 * Several checksums at once where the compiler and the processor can; elsewhere the program does without.
 * @param {string} name
 * @returns {boolean} false where the compiler can't.
 */
function buildLanes(name) {
  if (process.arch !== 'x64') return true;
  const compiler = process.env.CC ?? 'cc';
  const options = ['-O3', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', `dist/${name}.so`, `src/native/${name}.c`];
  const { status, error, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status === 0) return true;
  process.stderr.write(
    `${compiler} did not build src/native/${name}.c, so checksums will be slower: ${error?.message ?? stderr}\n`,
  );
  return false;
}
