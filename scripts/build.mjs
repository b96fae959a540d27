import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { isUpToDate, noteInputs } from './inputs.mjs';
import { bundledLicences } from './package/licences.mjs';

// Every command of package.json that needs dist/ calls this: only the first one has to build.
if (process.argv.includes('--force') || !isUpToDate()) await buildAll();

async function buildAll() {
  const { buildProgram, writeManPage } = await loadBundler();
  rmSync('dist', { recursive: true, force: true });
  await buildProgram();
  await writeManPage();
  // Who passes the bundles on passes these licences on.
  writeFileSync('dist/LICENSES-OF-PARTS', bundledLicences());
  const areBuilt = [
    buildLibrary('whole-files', 'the file backend will take more processor time'),
    buildLanes('sha512-lanes'),
    buildLanes('md5-lanes'),
  ];
  // Runs the program.
  spawnSync(process.execPath, ['dist/write-code-caches.cjs'], { stdio: 'inherit' });
  // Once there is a compiler, the next build makes the missing library.
  if (!areBuilt.includes(false)) noteInputs();
}

/**
 * Builds a library that hashes several blocks at once, if the processor can. @param {string} name
 * @returns {boolean} false if the compiler can't.
 */
function buildLanes(name) {
  return process.arch !== 'x64' || buildLibrary(name, 'checksums will be slower');
}

/**
 * Builds a library of our own, without which the program also works.
 * @param {string} name
 * @param {string} loss the consequence of a failure, for a message.
 * @returns {boolean} false if the compiler can't.
 */
function buildLibrary(name, loss) {
  const compiler = process.env.CC ?? 'cc';
  const options = ['-O3', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', `dist/${name}.so`, `src/native/${name}.c`];
  const { status, error, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status === 0) return true;
  process.stderr.write(`${compiler} did not build src/native/${name}.c, so ${loss}: ${error?.message ?? stderr}\n`);
  return false;
}

/** Loads what needs the bundler: an installation without development packages has none. */
async function loadBundler() {
  try {
    return { ...(await import('./bundles.mjs')), ...(await import('./man.mjs')) };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    process.stderr.write(
      'Cannot build: the development packages are missing. Run npm ci, then npm prune --omit=dev to remove them again.\n',
    );
    process.exit(1);
  }
}
