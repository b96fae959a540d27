import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Result } from '../support/program/process.ts';
import { HostPool, type ResidentCall } from '../support/program/resident.ts';

const PROGRAM = fileURLToPath(new URL('../support/program/leaky-program.mjs', import.meta.url));
const pool = new HostPool(PROGRAM);

function call(argv: string[], more: Partial<ResidentCall> = {}): Promise<Result> {
  return pool.run({ argv, env: {}, cwd: tmpdir(), timeoutMs: 20_000, ...more });
}

describe('a call in a host', () => {
  test('has its own arguments, folder, variables and clock, and leaves none of them to the next', async () => {
    const first = await call(['', 'words'], { env: { WORD: 'word' }, cwd: '/', clockMs: Date.UTC(2001, 1, 1) });
    expect(first).toEqual({ code: 3, signal: null, stdout: '/ word 2001\n', stderr: 'words' });
    const { stdout, stderr } = await call(['']);
    expect({ stdout, stderr }).toEqual({ stdout: `${tmpdir()}  ${new Date().getFullYear()}\n`, stderr: '' });
  });

  test('in parallel with another one has its own host', async () => {
    const results = await Promise.all(['a', 'b', 'c'].map((word) => call(['late', word])));
    expect(results.map(({ stderr }) => stderr)).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['file', [PROGRAM], /left open in its process: file .*leaky-program\.mjs/],
    ['timer', [], /left open in its process: resource Timeout/],
    ['listener', [], /left open in its process: listener of SIGTERM|resource SignalWrap.*listener of SIGTERM/],
  ])('that leaves a %s open fails, and the next one has another host', async (what, words, told) => {
    await expect(call([what, ...words])).rejects.toThrow(told);
    expect((await call([''])).code).toBe(3);
  });

  test('that is still closing when it returns has time for that', async () => {
    expect((await call(['late'])).code).toBe(3);
  });

  test('that ends its process has the exit code of that', async () => {
    expect(await call(['exit'])).toMatchObject({ code: 7, signal: null });
    const thrown = await call(['throw']);
    expect(thrown.code).not.toBe(0);
    expect(thrown.stderr).toContain('nobody catches it');
  });

  test('after which the host dies makes the next one fail', async () => {
    const other = new HostPool(PROGRAM);
    const run = (what: string) => other.run({ argv: [what], env: {}, cwd: '/', timeoutMs: 20_000 });
    expect((await run('die later')).code).toBe(3);
    await sleep(1_000);
    await expect(run('')).rejects.toThrow('the host has ended after its last call (SIGKILL)');
    expect((await run('')).code).toBe(3);
  });

  test('needs a program that can be loaded', async () => {
    const broken = new HostPool(`${PROGRAM}.gone`).run({ argv: [], env: {}, cwd: '/', timeoutMs: 20_000 });
    await expect(broken).rejects.toThrow(/did not start:[\s\S]*leaky-program\.mjs\.gone/);
  });

  test('that hangs is ended, and fails with its last output', async () => {
    const told = /hangs: no end after 500 ms\. In its last 2000 ms it made \d+ read and write calls/;
    await expect(call(['hang'], { timeoutMs: 500 })).rejects.toThrow(told);
  });

  test('that ends while it is asked for its status is too late, and the next one has another host', async () => {
    await expect(call(['slow'], { timeoutMs: 500 })).rejects.toThrow('hangs: no end after 500 ms');
    expect((await call([''])).code).toBe(3);
  });
});
