import { mkdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), 'utf8');

/** The command lines of README's section on the first backup, as words without `backy2`. */
function firstCommands(): string[][] {
  const section = /\n## First backup\n\n((?: {4}backy2 .*\n)+)/.exec(read('README.md'))?.[1] ?? '';
  const lines = section.replaceAll(/ +#.*/g, '').split(/\n|&&/);
  return lines.flatMap((line) => (line.trim() === '' ? [] : [line.trim().split(/ +/).slice(1)]));
}

test("backy.cfg.example runs README's first commands, and removes what has expired", async () => {
  const lab = new Lab();
  onTestFinished(() => lab.remove());
  mkdirSync(lab.path('state/data'), { recursive: true });
  const places = { '/var/lib/backy2': lab.path('state'), '/run/backy2': lab.path('locks'), '/var/log': lab.path('home') };
  const text = Object.entries(places).reduce((all, [from, to]) => all.replaceAll(from, to), read('backy.cfg.example'));
  const config = lab.write('example.cfg', text);
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await lab.runBare(['-c', config, ...words]);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };
  const ok = async (...words: string[]) => {
    const stdout = await run(...words);
    expect(stdout).not.toContain('WARNING');
    return stdout;
  };

  await ok('initdb');
  const image = noise(100_000, 'web');
  const source = `file://${lab.write('web.img', image)}`;
  const commands = firstCommands();
  expect(commands.map(([command]) => command)).toEqual(['backup', 'ls', 'scrub', 'restore', 'rm', 'cleanup']);
  let uid = 'none';
  for (const words of commands) {
    const meant: Record<string, string> = {
      ...{ UID: uid, 'file:///var/lib/vms/web.img': source, 'file:///tmp/web-restored.img': `file://${lab.path('restored')}` },
    };
    const stdout = await ok(...words.map((word) => meant[word] ?? word));
    uid = /New version: (\S+)/.exec(stdout)?.[1] ?? uid;
    if (words[0] === 'cleanup') expect(stdout).toMatch(/1 blob waits until \d\d:\d\d \(removed less than an hour ago\)\./);
  }
  expect(sha256OfFile(lab.path('restored'))).toBe(sha256(image));
  for (const date of ['2020-01-01', '2020-01-02']) await run('backup', '-e', date, '-t', 'daily', source, 'web');
  expect(await ok('rm', '--expired')).toContain('Removed 1 expired version. Kept 1: 1 newest valid of their name.');
  expect(await ok('-ms', 'sla')).toBe('');
});
