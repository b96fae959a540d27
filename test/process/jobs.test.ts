import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import type { Sections } from '../support/labs/config-text.ts';
import { documentOf } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';
import { SCHEDULERS } from '../support/labs/schedule-lab.ts';
import { isAlive } from '../support/program/is-alive.ts';
import type { Running } from '../support/program/process.ts';

const BLOCK = 64 * 1024;
const BLOCKS = 60;
const image = noise(BLOCKS * BLOCK, 'image');

interface Row {
  name: string;
  state: string;
  uid: string | null;
  exit_code: number;
  problem: string | null;
}

let lab: Lab;
let source: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1, config: { ...SCHEDULERS, DEFAULTS: { cachedir: '/nowhere' } } });
  source = `file://${lab.write('image', image)}`;
});
afterEach(() => lab.remove());

/** Writes job `web`, whose hooks add a line to the file `hooks`. */
function configure(job: Record<string, string> = {}, more: Sections = {}): void {
  const note = `echo $BACKY2_HOOK:$BACKY2_RESULT:$BACKY2_EXIT_CODE >>${lab.path('hooks')}`;
  lab.configure({ 'job:web': { source, before: note, after: note, ...job }, ...more });
}
/** Blobs take four seconds. */
const SLOW: Sections = { DataBackend: { bandwidth_write: 15 * BLOCK } };
const hooks = () => (existsSync(lab.path('hooks')) ? readFileSync(lab.path('hooks'), 'utf8').split('\n').slice(0, -1) : []);
const job = async (...args: string[]) => {
  const { code, stdout } = await lab.run(['--json', 'job', ...args]);
  return { code, rows: documentOf<Row[]>('job.json', stdout) };
};
const record = () => lab.query<Record<string, unknown>>("SELECT * FROM backy2_runs WHERE kind = 'job'")[0];

async function until(running: Running, holds: () => boolean): Promise<void> {
  await expect.poll(() => holds() || running.hasEnded).toBe(true);
  if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
}

describe('job', () => {
  test('makes what is due, with hooks that know about it, and nothing more', async () => {
    configure({ schedulers: 'daily,weekly', before: 'env', after: 'env' });
    const { code, rows } = await job('web');
    expect({ code, rows }).toMatchObject({ code: 0, rows: [{ name: 'web', state: 'done', exit_code: 0, problem: null }] });
    const [version] = lab.versions();
    expect(version).toMatchObject({ uid: rows[0]?.uid, name: 'web', valid: 1 });
    expect(lab.tags(version?.uid ?? '')).toEqual(['daily', 'weekly']);
    const logged = (hook: string) =>
      [...lab.log().matchAll(new RegExp(`\\] ${hook} of job web: (BACKY2_[A-Z_]+=.*)`, 'g'))].map(([, line]) => line).toSorted();
    const common = {
      JOB: 'web',
      NAME: 'web',
      SOURCE: source,
      SCHEDULERS: 'daily,weekly',
      EXPIRE: lab.version(version?.uid ?? '').expire?.slice(0, 19),
      CONFIG: lab.path('backy.cfg'),
    };
    const lines = (values: Record<string, unknown>) =>
      Object.entries({ ...common, ...values })
        .map(([name, value]) => `BACKY2_${name}=${value}`)
        .toSorted();
    expect(logged('before')).toEqual(lines({ HOOK: 'before', RESULT: '', UID: '', EXIT_CODE: '' }));
    expect(logged('after')).toEqual(lines({ HOOK: 'after', RESULT: 'ok', UID: version?.uid, EXIT_CODE: '0' }));
    expect(record()).toMatchObject({ name: 'web', job: 'web', failures: 0, hook: null, problem: null });
    expect(await job('web')).toMatchObject({ code: 0, rows: [{ state: 'not due', uid: null }] });
    expect(lab.versions()).toHaveLength(1);
    expect(await job('-f', 'web')).toMatchObject({ code: 0, rows: [{ state: 'done' }] });
    expect(lab.versions()).toHaveLength(2);
  });

  test('before that fails: no backup, and after runs', async () => {
    configure({ before: 'echo before >&2; exit 7' });
    expect(await job('web')).toMatchObject({ code: 1, rows: [{ state: 'failed', uid: null, exit_code: 1 }] });
    expect(hooks()).toEqual(['after:before-failed:1']);
    expect(lab.versions()).toEqual([]);
    expect(record()).toMatchObject({
      failures: 1,
      exit_code: 1,
      problem: 'before of job web failed with exit code 7. No backup was made.',
    });
  });

  test('before that takes too long: it is ended, with what it started', async () => {
    configure({ before: `sleep 600 & echo $! >${lab.path('pid')}; wait`, hook_timeout: '1s' });
    const { code, rows } = await job('web');
    expect({ code, problem: rows[0]?.problem }).toEqual({
      code: 1,
      problem: 'before of job web took longer than 1 s and was ended. No backup was made.',
    });
    expect(hooks()).toEqual(['after:before-failed:1']);
    expect(isAlive(Number(readFileSync(lab.path('pid'), 'utf8')))).toBe(false);
  });

  test('a backup that fails: after runs, and the exit code is that of the backup', async () => {
    configure({ source: `file://${lab.path('missing')}` });
    const { code, rows } = await job('web');
    expect({ code, rows }).toMatchObject({ code: 100, rows: [{ state: 'failed', exit_code: 100 }] });
    expect(rows[0]?.problem).toContain('missing');
    expect(hooks()).toEqual(['before::', 'after:failed:100']);
  });

  test('after that fails: the backup stays', async () => {
    configure({ after: 'exit 3' });
    expect(await job('web')).toMatchObject({
      code: 1,
      rows: [{ state: 'failed', problem: 'after of job web failed with exit code 3.' }],
    });
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
    expect(record()).toMatchObject({ hook: null, failures: 1 });
  });

  test('an unknown job or image is an error that lists the jobs', async () => {
    configure({}, { 'job:lab': { source: 'rbd://lab/*' }, 'job:bad': {} });
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await lab.run(['-m', 'job', ...args]);
      return { code, stderr: stderr.split('\n')[0] };
    };
    expect(await wrong('nope')).toEqual({ code: 100, stderr: expect.stringMatching(/ERROR: There is no job "nope".* web, lab/) });
    expect(await wrong('web', 'other')).toEqual({ code: 100, stderr: expect.stringContaining('Job web has no image "other"') });
    expect(await wrong('lab', 'a/b')).toEqual({ code: 100, stderr: expect.stringContaining('Job lab has no image "a/b"') });
    expect(await wrong('bad')).toEqual({ code: 1, stderr: expect.stringContaining('source') });
    expect(lab.versions()).toEqual([]);
  });
});

describe('a job that is stopped', () => {
  test('SIGTERM: the backup ends invalid, after runs, and the next job makes it', async () => {
    configure({}, SLOW);
    const running = lab.start(['--json', 'job', 'web']);
    await until(running, () => lab.blobs().length > 5);
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    expect(hooks()).toEqual(['before::', 'after:interrupted:143']);
    expect(lab.versions()).toMatchObject([{ valid: 0 }]);
    expect(record()).toMatchObject({ hook: null, failures: 0 });
    expect(lab.lockFiles()).toEqual([]);
    configure();
    const { rows } = await job('web');
    await checkStoreAndCleanUp(lab, new Map([[rows[0]?.uid ?? '', sha256(image)]]));
  });

  test('SIGINT while before runs: before may clean up, then after runs, and there is no backup', async () => {
    configure({
      before: `trap 'echo cleaned >>${lab.path('hooks')}; exit' TERM; echo begun >${lab.path('begun')}; sleep 600 & wait`,
    });
    const running = lab.start(['--json', 'job', 'web']);
    await until(running, () => existsSync(lab.path('begun')));
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(hooks()).toEqual(['cleaned', 'after:interrupted:130']);
    expect(lab.versions()).toEqual([]);
  });

  test('kill -9 while before runs: before ends, and the next job runs after first', { timeout: 60_000 }, async () => {
    const command = `trap '' TERM; echo $$ >${lab.path('begun')}; while :; do sleep 0.1; done`;
    configure({ before: command });
    const running = lab.start(['--json', 'job', 'web']);
    await until(running, () => existsSync(lab.path('begun')));
    const pid = readFileSync(lab.path('begun'), 'utf8').trim();
    running.kill('SIGKILL');
    await running.ended;
    expect(record()).toMatchObject({ hook: 'before', ended: null });
    // It must not run while before may still undo it.
    const note = `grep -qs '^State:.[^Z]' /proc/${pid}/status || echo gone >>${lab.path('hooks')}`;
    configure({ after: `${note}; echo $BACKY2_RESULT >>${lab.path('hooks')}` });
    expect(await job('--recover', 'web')).toMatchObject({ code: 0, rows: [{ uid: null }] });
    expect(hooks()).toEqual(['gone', 'recover']);
    expect(lab.versions()).toEqual([]);
    expect(record()).toMatchObject({ hook: null });
    expect(await job('--recover', 'web')).toMatchObject({ code: 0, rows: [{ state: 'not due' }] });
    expect(hooks()).toEqual(['gone', 'recover']);
  });

  test('a second job of the name does nothing meanwhile', async () => {
    configure({}, SLOW);
    const running = lab.start(['--json', 'job', 'web']);
    await until(running, () => lab.blobs().length > 5);
    running.kill('SIGSTOP');
    expect(await job('web')).toMatchObject({
      code: 0,
      rows: [{ state: 'busy', uid: null, problem: expect.stringMatching(/Another process works on web: .*pid/) }],
    });
    running.kill('SIGCONT');
    expect((await running.ended).code).toBe(0);
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
    expect(hooks()).toEqual(['before::', 'after:ok:0']);
  });
});
