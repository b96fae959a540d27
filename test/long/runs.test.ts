import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import type { Sections } from '../support/labs/config-text.ts';
import { documentOf } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';
import { DAY, HOUR, MINUTE, SCHEDULERS } from '../support/labs/schedule-lab.ts';
import { clockAt } from '../support/program/clock.ts';
import { isAlive } from '../support/program/is-alive.ts';
import { BINARY, type Result, type Running } from '../support/program/process.ts';

const BLOCK = 64 * 1024;
const BLOCKS = 60;
const images = { web: noise(BLOCKS * BLOCK, 'web'), mail: noise(BLOCKS * BLOCK, 'mail') };

/** Before versions that the tests make by the real clock. */
const NOW = Date.now();

interface Row {
  name: string;
  kind: string;
  state: string;
  uid: string | null;
  exit_code: number;
  problem: string | null;
}

interface Report {
  host: string;
  config: string;
  problems: { kind: string; name: string; job: string; exit_code: number; message: string; lines: string[]; failures: number }[];
  resolved: { kind: string; name: string }[];
}

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1, config: SCHEDULERS });
  for (const [name, bytes] of Object.entries(images)) lab.write(name, bytes);
});
afterEach(() => lab.remove());

/** Jobs `web` and `mail`, whose hooks add lines to the file `hooks`, and no upkeep of blobs. */
function configure(more: Sections = {}): void {
  const note = `echo $BACKY2_NAME:$BACKY2_HOOK:$BACKY2_RESULT >>${lab.path('hooks')}`;
  const jobs = Object.fromEntries(
    Object.keys(images).map((name) => {
      const section = `job:${name}`;
      return [section, { source: `file://${lab.path(name)}`, before: note, after: note, ...more[section] }];
    }),
  );
  lab.configure({
    DEFAULTS: { cachedir: lab.path('home'), sla_schedulers: 'daily', sla_new_names: 'by-age' },
    ...more,
    ...jobs,
    run: { parallel: 2, on_problem: `cat >>${lab.path('reports')}; echo , >>${lab.path('reports')}`, ...more.run },
  });
}
/** Blobs of each job take four seconds. */
const SLOW: Sections = { DataBackend: { bandwidth_write: 15 * BLOCK } };
const read = (name: string) => (existsSync(lab.path(name)) ? readFileSync(lab.path(name), 'utf8') : '');
const hooks = () => read('hooks').split('\n').slice(0, -1).toSorted();
const reports = () => {
  const documents = JSON.parse(`[${read('reports').replace(/,\s*$/, '')}]`) as unknown[];
  return documents.map((document) => documentOf<Report>('on-problem.json', JSON.stringify(document)));
};
const rowsOf = ({ stdout }: Result) => documentOf<Row[]>('run.json', stdout);
/** A run at a time after now. Its jobs see that time too. */
const runLater = async (seconds: number, ...args: string[]) => {
  const result = await lab.start(['--json', 'run', ...args], { env: clockAt(new Date(NOW + seconds * 1000)) }).ended;
  return { code: result.code, rows: rowsOf(result) };
};
const run = (...args: string[]) => runLater(0, ...args);
const records = () =>
  lab.query<{ kind: string; name: string; failures: number; hook: string | null; ended: number | null }>(
    'SELECT kind, name, failures, hook, ended FROM backy2_runs',
  );
const valid = () => lab.versions().filter((version) => version.valid === 1);
const validNames = () =>
  valid()
    .map(({ name }) => name)
    .toSorted();

async function until(running: Running, holds: () => boolean): Promise<void> {
  await expect.poll(() => holds() || running.hasEnded).toBe(true);
  if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
}

/** The process of a job, a child of the run. */
async function jobProcess(name: string): Promise<number> {
  const found = () =>
    lab.query<{ started: number }>("SELECT started FROM backy2_runs WHERE kind = 'job' AND name = ? AND ended IS NULL", name)
      .length > 0;
  await expect.poll(found).toBe(true);
  const [pid] = new RegExp(`\\[(\\d+)\\] \\$ backy2 .*--json job -- ${name}$`, 'm').exec(lab.log())?.slice(1) ?? [];
  return Number(pid);
}

/** Starts a run and waits until both jobs store blobs. */
async function startBoth(): Promise<Running> {
  const running = lab.start(['--json', 'run', '--no-upkeep']);
  await until(running, () => hooks().length === 2 && lab.versions().length === 2 && lab.blobs().length > 5);
  return running;
}

describe('run', () => {
  test('removes versions without an expire date only with prune: yes', async () => {
    const daily = { ...SCHEDULERS.daily, keep: 1 };
    configure({ daily });
    for (let n = 0; n < 3; n += 1) await lab.backup(`file://${lab.path('web')}`, 'old', '-t', 'daily');
    const left = () => lab.versions().filter(({ name }) => name === 'old').length;
    expect((await run()).rows).toContainEqual(expect.objectContaining({ name: 'prune', state: 'done' }));
    expect(left()).toBe(3);
    configure({ daily, run: { prune: 'yes' } });
    await runLater(86_400);
    expect(left()).toBe(1);
  });

  test('backs up what is due, does the upkeep, and then nothing until the next time', async () => {
    configure({ run: { scrub: '--oldest 4' } });
    expect(await run('-n')).toMatchObject({ code: 0, rows: [{ state: 'due' }, { state: 'due' }] });
    expect(lab.versions()).toEqual([]);
    const { code, rows } = await run();
    expect(rows.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(
      ['cleanup', 'mail', 'prune', 'scrub', 'sla', 'space', 'web'].map((name) => `${name} done`),
    );
    expect(code).toBe(0);
    const uids = new Map(rows.filter(({ kind }) => kind === 'job').map(({ name, uid }) => [name, uid ?? '']));
    expect(hooks()).toEqual(['mail:after:ok', 'mail:before:', 'web:after:ok', 'web:before:']);
    expect(await run()).toEqual({ code: 0, rows: [] });
    expect(await run('web')).toEqual({ code: 0, rows: [] });
    const plan = await lab.run(['-ms', 'run', '-n'], { env: clockAt(new Date(NOW + HOUR * 1000)) });
    expect(
      plan.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('|').slice(0, 4).join('|'))
        .toSorted(),
    ).toEqual(['mail|mail||not due', 'web|web||not due']);
    // A name whose time of day has just passed is backed up up to an hour after a day.
    const next = await runLater(DAY + HOUR, '--no-upkeep');
    expect(next.rows.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(['mail done', 'web done']);
    expect(valid()).toHaveLength(4);
    expect(reports()).toEqual([]);
    const oracle = [...uids].map(([name, uid]) => [uid, sha256(images[name as 'web' | 'mail'])] as const);
    const later = next.rows.map(({ name, uid }) => [uid ?? '', sha256(images[name as 'web' | 'mail'])] as const);
    await checkStoreAndCleanUp(lab, new Map([...oracle, ...later]));
  });

  test('a job that fails stops no other; it is reported once, then daily, and when it is over', async () => {
    const broken: Sections = { 'job:mail': { source: `file://${lab.path('gone')}`, schedulers: 'daily' } };
    configure(broken);
    const first = await run('--no-upkeep');
    expect(first.code).toBe(100);
    expect(first.rows.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(['mail failed', 'web done']);
    expect(hooks()).toContain('mail:after:failed');
    expect(reports()).toMatchObject([
      { host: hostname(), problems: [{ kind: 'job', name: 'mail', job: 'mail', exit_code: 100, failures: 1 }], resolved: [] },
    ]);
    expect(reports()[0]?.problems[0]?.message).toContain(lab.path('gone'));
    const waiting = await runLater(MINUTE, '--no-upkeep');
    expect(waiting).toMatchObject({ code: 0, rows: [{ name: 'mail', state: 'waits' }] });
    expect((await runLater(10 * MINUTE, '--no-upkeep')).code).toBe(100);
    expect(reports()).toHaveLength(1);
    expect((await runLater(DAY + HOUR, '--no-upkeep')).code).toBe(100);
    expect(reports().slice(1)).toMatchObject([{ problems: [{ name: 'mail', failures: 3 }], resolved: [] }]);
    configure();
    expect((await runLater(2 * DAY, '--no-upkeep')).code).toBe(0);
    expect(reports().slice(2)).toMatchObject([{ problems: [], resolved: [{ kind: 'job', name: 'mail' }] }]);
  });

  test('breaches of SLAs are reported with all of them, but are no failure', async () => {
    configure({ daily: { names: 'cloud' }, run: { prune: 'no' } });
    const { code, rows } = await run();
    expect(code).toBe(0);
    expect(rows.find(({ name }) => name === 'sla')).toMatchObject({ state: 'done', problem: 'There is 1 SLA breach.' });
    expect(reports()).toMatchObject([
      { problems: [{ kind: 'step', name: 'sla', job: '', exit_code: 0, lines: [expect.stringMatching(/^cloud: daily: /)] }] },
    ]);
  });

  test('on_problem that fails is a warning, and called again by the next run', async () => {
    configure({ 'job:mail': { source: `file://${lab.path('gone')}` }, run: { on_problem: 'cat >/dev/null; exit 4' } });
    expect((await run('--no-upkeep')).code).toBe(100);
    expect(lab.log()).toContain('on_problem failed with exit code 4. The problems are reported again at the next run.');
    configure({ 'job:mail': { source: `file://${lab.path('gone')}` } });
    expect((await runLater(MINUTE, '--no-upkeep')).code).toBe(0);
    expect(reports()).toMatchObject([{ problems: [{ name: 'mail' }] }]);
  });

  test('a database that cannot be opened is reported at most once a day, and when it is over', async () => {
    configure();
    const engine = { MetaBackend: { engine: `sqlite:///${lab.path('none.sqlite')}` } };
    configure(engine);
    const failed = await lab.runBare(['-c', 'backy.cfg', '--json', 'run']);
    expect(failed.code).toBe(1);
    const problem = { kind: 'run', name: hostname(), exit_code: 1 };
    expect(reports()).toMatchObject([{ config: lab.path('backy.cfg'), problems: [problem], resolved: [] }]);
    expect((await lab.run(['--json', 'run'])).code).toBe(1);
    expect(reports()).toHaveLength(1);
    configure({ ...engine });
    await lab.ok(...lab.initdb);
    expect((await run('--no-upkeep')).code).toBe(0);
    expect(reports().slice(1)).toMatchObject([{ problems: [], resolved: [{ kind: 'run', name: hostname() }] }]);
  });

  test('nothing to run, and a config that can be read only once, are errors of one line', async () => {
    const wrong = async (words: string[]) => {
      const { code, stderr } = await lab.runBare(['-m', ...words]);
      return { code, stderr: stderr.split('\n')[0] };
    };
    const config = lab.path('backy.cfg');
    expect(await wrong(['-c', config, 'run'])).toEqual({
      code: 1,
      stderr:
        '   ERROR: The configuration has no job. Add one to backy.cfg, such as a section [job:web] with source: rbd://vms/web and schedulers: daily.',
    });
    configure();
    expect(await wrong(['-c', config, 'run', 'nope'])).toEqual({
      code: 100,
      stderr: expect.stringMatching(/There is no job "nope".*web, mail/),
    });
    const piped = await lab.startCommand(['sh', '-c', `cat ${config} | ${BINARY} -m -c /dev/stdin run`]).ended;
    expect({ code: piped.code, stderr: piped.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('is no regular file'),
    });
    expect(lab.versions()).toEqual([]);
  });
});

describe('a run that is disturbed', () => {
  test('a second run on the host does nothing', async () => {
    configure(SLOW);
    const running = await startBoth();
    const second = await lab.run(['run']);
    expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' });
    expect(second.stdout).toMatch(/Another run works on this host, so this one does nothing: .*pid \d+/);
    expect((await running.ended).code).toBe(0);
    expect(validNames()).toEqual(['mail', 'web']);
    expect(hooks()).toEqual(['mail:after:ok', 'mail:before:', 'web:after:ok', 'web:before:']);
  });

  test('SIGTERM stops all jobs; each "after" runs, and the next run makes the backups', async () => {
    configure(SLOW);
    const running = await startBoth();
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    expect(hooks()).toEqual(['mail:after:interrupted', 'mail:before:', 'web:after:interrupted', 'web:before:']);
    expect(valid()).toEqual([]);
    expect(records().filter(({ kind }) => kind === 'job')).toMatchObject(Array(2).fill({ failures: 0, hook: null }));
    expect(lab.lockFiles()).toEqual([]);
    expect(reports()).toEqual([]);
    configure();
    expect((await run('--no-upkeep')).rows).toMatchObject([{ state: 'done' }, { state: 'done' }]);
  });

  test('a second signal stops jobs and hooks at once; the next run does what is left', async () => {
    configure({ ...SLOW, 'job:web': { after: `echo $$ >${lab.path('after')}; exec sleep 600` } });
    const running = lab.start(['--json', 'run', 'web']);
    await until(running, () => lab.blobs().length > 5);
    const job = await jobProcess('web');
    running.kill('SIGTERM');
    await until(running, () => read('after') !== '');
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    await expect.poll(() => [job, Number(read('after'))].some(isAlive)).toBe(false);
    expect(records()).toMatchObject([{ name: 'web', hook: 'before' }]);
    configure();
    await run('web');
    await runLater(HOUR, 'web');
    expect(hooks()).toEqual(['web:after:ok', 'web:after:recover', 'web:before:', 'web:before:']);
    expect(validNames()).toEqual(['web']);
  });

  test('kill -9 of a job: the others go on, its "after" runs in the same run, and it is retried later', async () => {
    configure(SLOW);
    const running = await startBoth();
    process.kill(await jobProcess('mail'), 'SIGKILL');
    const result = await running.ended;
    expect(result.code).toBe(137);
    expect(hooks()).toEqual(['mail:after:recover', 'mail:before:', 'web:after:ok', 'web:before:']);
    expect(validNames()).toEqual(['web']);
    expect(reports()).toMatchObject([{ problems: [{ name: 'mail', failures: 1 }], resolved: [] }]);
    configure();
    expect((await runLater(HOUR, '--no-upkeep')).rows).toMatchObject([{ name: 'mail', state: 'done' }]);
    expect(validNames()).toEqual(['mail', 'web']);
  });

  test('kill -9 of the run: its jobs go on, and the next run makes nothing twice', async () => {
    configure(SLOW);
    const running = await startBoth();
    running.kill('SIGKILL');
    await running.ended;
    expect(await run('--no-upkeep')).toEqual({ code: 0, rows: [] });
    await expect.poll(() => valid().length).toBe(2);
    await expect.poll(() => records().every(({ ended }) => ended !== null)).toBe(true);
    expect(await run('--no-upkeep')).toEqual({ code: 0, rows: [] });
    expect(lab.versions()).toHaveLength(2);
    expect(hooks()).toEqual(['mail:after:ok', 'mail:before:', 'web:after:ok', 'web:before:']);
  });

  test('kill -9 of all: the next run runs each "after", and makes the backups', async () => {
    configure(SLOW);
    const running = await startBoth();
    const jobs = [await jobProcess('mail'), await jobProcess('web')];
    running.kill('SIGKILL');
    for (const pid of jobs) process.kill(pid, 'SIGKILL');
    await running.ended;
    configure();
    await run('--no-upkeep');
    await runLater(HOUR, '--no-upkeep');
    expect(hooks()).toEqual([
      ...['mail:after:ok', 'mail:after:recover', 'mail:before:', 'mail:before:'],
      ...['web:after:ok', 'web:after:recover', 'web:before:', 'web:before:'],
    ]);
    expect(validNames()).toEqual(['mail', 'web']);
  });
});
