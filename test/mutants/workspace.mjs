import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Tests of a mutant that hang count as failed; a worker waits no longer than this. */
const TEST_LIMIT_MS = 60_000;
const RUN_LIMIT_MS = 20 * 60_000;

/** A copy of the checkout's tracked files, in which mutants are made. */
export class Workspace {
  #folder = mkdtempSync(join(tmpdir(), 'backy2-mutants-'));
  #findTest;
  #running;

  /** @param findTest that of find-test.ts. */
  constructor(findTest) {
    this.#findTest = findTest;
    for (const file of execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(existsSync)) {
      mkdirSync(join(this.#folder, dirname(file)), { recursive: true });
      cpSync(file, join(this.#folder, file));
    }
    symlinkSync(resolve('node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Replaces the text of a mutant while `body` runs. */
  async with({ name, file, text, replacement }, body) {
    const path = join(this.#folder, file);
    const original = readFileSync(path, 'utf8');
    if (original.split(text).length !== 2) throw new Error(`the text of ${name} does not stand in ${file} once`);
    writeFileSync(
      path,
      original.replace(text, () => replacement),
    );
    try {
      return await body();
    } finally {
      writeFileSync(path, original);
    }
  }

  async build() {
    const { code, output } = await this.#run('npm', ['run', '-s', 'build']);
    if (code !== 0) throw new Error(`it does not build:\n${output}`);
  }

  /**
   * Runs test files.
   * @returns the failed tests as "file: title", the number of tests that ran, and the output.
   */
  async test(files) {
    const report = join(this.#folder, 'report.json');
    rmSync(report, { force: true });
    // Leaves out projects with servers: files that run with labs on them are in other projects too.
    const projects = ['unit', 'cli', 'process', 'long', 'recordings'].map((name) => `--project=${name}`);
    const options = [...projects, '--reporter=json', `--outputFile=${report}`, '--retry=0', `--testTimeout=${TEST_LIMIT_MS}`];
    const { output } = await this.#run('npx', [
      'vitest',
      'run',
      ...options,
      ...files.map((file) => this.#findTest(this.#folder, file)),
    ]);
    if (!existsSync(report)) throw new Error(`no test ran:\n${output}`);
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const broken = testResults.find(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
    if (broken !== undefined) throw new Error(`${broken.name} can't be loaded: ${broken.message}`);
    const results = testResults.flatMap(({ name, assertionResults }) => assertionResults.map((one) => ({ ...one, file: name })));
    const failed = results.filter(({ status }) => status === 'failed');
    return {
      failed: failed.map(({ file, fullName }) => `${file.slice(file.indexOf('/test/') + '/test/'.length)}: ${fullName}`),
      count: results.filter(({ status }) => status !== 'skipped' && status !== 'pending').length,
      output,
    };
  }

  /** Ends running commands, and removes the copy. */
  remove() {
    if (this.#running?.pid !== undefined) process.kill(-this.#running.pid, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs a command in a process group of its own, so that none of its processes stays. */
  async #run(command, args) {
    const child = spawn(command, args, { cwd: this.#folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), RUN_LIMIT_MS);
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    this.#running = undefined;
    return { code, output };
  }
}
