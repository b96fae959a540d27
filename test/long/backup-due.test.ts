import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { clockAt } from '../support/program/clock.ts';
import { BINARY, PATH_WITH_SBIN, type Result, Running } from '../support/program/process.ts';

const PAGE = fileURLToPath(new URL('../../docs/schedules.md', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../docs/scripts/backup-due.sh', import.meta.url));
const BLOCK = 4096;

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({
    blockSize: BLOCK,
    config: { daily: { interval: '1d', keep: 2, sla: '6h' }, weekly: { interval: '7d', keep: 1, sla: '12h' } },
  });
  onTestFinished(() => lab.remove());
  renameSync(lab.path('backy.cfg'), lab.path('home/.backy.cfg'));
  mkdirSync(lab.path('vg0'));
});

/** Makes an image on the lab's volume group. @returns its bytes. */
function image(name: string): Buffer {
  const bytes = noise(3 * BLOCK + 100, name);
  lab.write(`vg0/${name}`, bytes);
  return bytes;
}

/** Runs a shell with the program on its PATH, as cron would. */
function bash(args: string[], env: Record<string, string> = {}): Promise<Result> {
  const PATH = `${dirname(BINARY)}:${PATH_WITH_SBIN}`;
  return new Running(['bash', ...args], { env: { PATH, HOME: lab.path('home'), ...env }, cwd: lab.path('home') }).ended;
}

/** Name, tags and expire date of each valid version, in the order of their making. */
function made(): { name: string; tags: string[]; expire: string | undefined }[] {
  const valid = lab.versions().filter((version) => version.valid === 1);
  return valid.map(({ uid, name, expire }) => ({ name, tags: lab.tags(uid), expire: expire?.slice(0, 19) }));
}

/** Makes all versions older. */
function age(hours: number): void {
  lab.age({ hours });
}

/** `days` after a time, in the database's form. */
function after(time: Date, days: number): string {
  return new Date(time.getTime() + days * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
}

describe('the loop of docs/schedules.md', () => {
  const loop = /```bash\n([^`]*)```/.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';

  test('makes each backup that is due, with its tags and expire date, and none otherwise', async () => {
    expect(loop).toContain('/dev/vg0/');
    const script = loop.replace('/dev/vg0/', `${lab.path('vg0')}/`);
    const images = ['web', 'a|b', 'mail server'].map((name) => ({ name, bytes: image(name) }));
    for (const { name } of images) await lab.startBare(['backup', '-t', 'x', `file://${lab.path(`vg0/${name}`)}`, name]).ended;
    lab.sql("DELETE FROM tags WHERE name = 'x'");
    const now = new Date();
    const first = await bash(['-c', script], clockAt(now));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const expire = after(now, 14);
    const both = (name: string) => ({ name, tags: ['daily', 'weekly'], expire });
    const untagged = images.map(({ name }) => ({ name, tags: [], expire: undefined }));
    expect(new Set(made())).toEqual(new Set([...untagged, both('a|b'), both('mail server'), both('web')]));
    expect(await bash(['-c', script], clockAt(now))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    for (const { uid, name } of lab.versions()) {
      const target = `file://${lab.path(uid)}`;
      expect((await lab.startBare(['restore', uid, target]).ended).code).toBe(0);
      expect(sha256(readFileSync(lab.path(uid)))).toBe(sha256(images.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0)));
    }
  });
});

describe('docs/scripts/backup-due.sh', () => {
  const list = (...lines: string[]) => lab.write('images', lines.map((line) => `${line}\n`).join(''));

  test('backs up new images at once, then due ones, the longest overdue first', async () => {
    for (const name of ['web', '-mail']) image(name);
    const images = list('# source name', '', `${source('web')}   web`, `${source('-mail')} -mail`, `${source('web')} a|b c`);
    const now = new Date();
    expect(await bash([SCRIPT, 'weekly,daily', images], clockAt(now))).toMatchObject({ code: 0, stderr: '' });
    const tags = ['daily', 'weekly'];
    const names = () => made().map(({ name }) => name);
    expect(new Set(made())).toEqual(new Set(['web', '-mail', 'a|b c'].map((name) => ({ name, tags, expire: after(now, 14) }))));
    expect(await bash([SCRIPT, 'weekly,daily', images])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(names()).toHaveLength(3);

    age(20);
    lab.sql("UPDATE versions SET date = strftime('%Y-%m-%d %H:%M:%f000', date, '-1 hours') WHERE name = 'web'");
    lab.sql("UPDATE versions SET date = strftime('%Y-%m-%d %H:%M:%f000', date, '-2 hours') WHERE name = '-mail'");
    expect((await bash([SCRIPT, 'weekly,daily', images])).code).toBe(0);
    expect(names().slice(3)).toEqual(['-mail', 'web', 'a|b c']);
    expect(
      made()
        .slice(3)
        .map((version) => version.tags),
    ).toEqual([['daily'], ['daily'], ['daily']]);
  });

  test('a backup that fails does not stop the others, and is due again', async () => {
    for (const name of ['a', 'b', 'c']) image(name);
    const images = list(...['a', 'b', 'c'].map((name) => `${source(name)} ${name}`));
    rmSync(lab.path('vg0/b'));
    const failed = await bash([SCRIPT, 'daily', images]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(lab.path('vg0/b'));
    expect(
      made()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'c']);
    image('b');
    expect((await bash([SCRIPT, 'daily', images])).code).toBe(0);
    expect(
      made()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['an unknown scheduler', ['yearly', 'images'], 100, 'There is no scheduler "yearly"'],
    ['a list that is not there', ['daily', 'nolist'], 1, 'nolist'],
    ['a line without a name', ['daily', 'noname'], 2, 'no name after null://8kB'],
    ['a missing argument', ['daily'], 2, 'usage: '],
  ])('%s ends it before anything is backed up', async (_, args, code, message) => {
    for (const name of ['a', 'b']) image(name);
    list(`${source('a')} a`, `${source('b')} b`);
    lab.write('noname', `${source('a')} a\nnull://8kB\n`);
    const [schedulers = '', file] = args;
    const result = await bash([SCRIPT, schedulers, ...(file === undefined ? [] : [lab.path(file)])]);
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(code);
    expect(lab.versions()).toEqual([]);
  });

  test('if it cannot be determined what is due, nothing is backed up', async () => {
    for (const name of ['a', 'b', 'c']) image(name);
    const images = list(...['a', 'b', 'c'].map((name) => `${source(name)} ${name}`));
    mkdirSync(lab.path('bin'));
    const failsOnce = `[ -e ${lab.path('failed')} ] || { touch ${lab.path('failed')}; exit 100; }`;
    writeFileSync(lab.path('bin/backy2'), `#!/bin/sh\n${failsOnce}\nexec ${BINARY} "$@"\n`, { mode: 0o755 });
    const PATH = `${lab.path('bin')}:${PATH_WITH_SBIN}`;
    expect((await bash([SCRIPT, 'daily', images], { PATH })).code).toBe(100);
    expect(lab.versions()).toEqual([]);
    expect((await bash([SCRIPT, 'daily', images], { PATH })).code).toBe(0);
    expect(made()).toHaveLength(3);
  });

  test('two runs at once make each backup once', async () => {
    image('a');
    const images = list(`${source('a')} a`);
    const both = await Promise.all([bash([SCRIPT, 'daily', images]), bash([SCRIPT, 'daily', images])]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(made().map(({ name }) => name)).toEqual(['a']);
  });
});

test('the daily cron job removes expired versions, but never the newest valid one of a name', async () => {
  const line = /^ {4}30 6 .*? root {2}(.*)$/m.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';
  expect(line).toContain('rm --expired');
  const back = async (name: string) => {
    image(name);
    const result = await lab.startBare(['-m', 'backup', '-e', '2020-01-01', source(name), name]).ended;
    expect(result.stderr).toBe('');
    return result.stdout.split('\n')[0] ?? '';
  };
  await back('old');
  const [last, kept] = [await back('old'), await back('kept')];
  const newer = await back('kept');
  await lab.startBare(['protect', kept]).ended;
  expect(await bash(['-c', line])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(
    lab
      .versions()
      .map(({ uid }) => uid)
      .sort(),
  ).toEqual([last, kept, newer].sort());
});

function source(name: string): string {
  return `file://${lab.path(`vg0/${name}`)}`;
}
