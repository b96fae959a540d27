import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { makeDeb } from './deb.mjs';
import { licences } from './licences.mjs';
import { installModules } from './modules.mjs';
import { installRuntime } from './runtime.mjs';
import { stageProgram } from './stage.mjs';
import { makeTarball } from './tarball.mjs';

// Builds build/package/*.deb and *.tar.gz for this machine's architecture (docs/install.md). Needs
// a C++ compiler, strip and dpkg-dev.
//
//   npm run package
//
// With BACKY_QUICK_PACKAGE=1 it compresses little, for tests.

/** The major version of Node.js that the packages hold: a folder of packaging/runtimes. */
const NODE = 24;
const quick = process.env.BACKY_QUICK_PACKAGE === '1';
process.umask(0o022);

rmSync('build/package', { recursive: true, force: true });
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const runtime = installRuntime(NODE);
const modules = installModules(runtime);
const program = 'build/package/program';
stageProgram(program, { runtime, modules });
const job = { version, program, notices: licences({ runtime, modules }), quick, seconds: sourceDate() };
for (const path of [makeDeb(job), makeTarball(job)])
  process.stdout.write(`${path}: ${(statSync(path).size / 1e6).toFixed(1)} MB\n`);

/**
 * The time that all files in the packages get, so that two builds of one commit differ little.
 * @returns {number} in seconds since 1970.
 */
function sourceDate() {
  const { SOURCE_DATE_EPOCH } = process.env;
  if (SOURCE_DATE_EPOCH !== undefined) return Number(SOURCE_DATE_EPOCH);
  if (spawnSync('git', ['rev-parse', 'HEAD']).status !== 0) return Math.floor(Date.now() / 1000);
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }));
}
