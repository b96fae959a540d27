import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inputReader, mayWait } from '../../../../src/cli/options/read-input.ts';

let folder: string;
let warnings: string[];
let stop: AbortController;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-input-'));
  warnings = [];
  stop = new AbortController();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const readerOf = (stdin: PassThrough, noticeMs?: number) =>
  inputReader({
    signal: stop.signal,
    stdin: () => stdin,
    warn: (text) => warnings.push(text),
    ...(noticeMs === undefined ? {} : { noticeMs }),
  });

test('stdin is read to its end, however late and long', async () => {
  const stdin = new PassThrough({ highWaterMark: 100 });
  const content = readerOf(stdin)('-');
  const long = 'ü'.repeat(300_000);
  setTimeout(() => stdin.end(`[${long}]`), 5);
  expect((await content).toString()).toBe(`[${long}]`);
  expect(warnings).toEqual([]);
});

test('a wait for its writer is not silent, and ends with the reason of a signal', async () => {
  const content = readerOf(new PassThrough(), 1)('-');
  await expect.poll(() => warnings).toEqual(['Still reading stdin: its writer has not closed it.']);
  stop.abort(new Error('Stopped by SIGTERM.'));
  await expect(content).rejects.toThrow('Stopped by SIGTERM.');
});

test('a file is read, and what is missing says so', async () => {
  const read = readerOf(new PassThrough());
  writeFileSync(join(folder, 'hints'), '[]');
  expect((await read(join(folder, 'hints'))).toString()).toBe('[]');
  await expect(read(join(folder, 'none'))).rejects.toThrow('ENOENT');
  await expect(read(folder)).rejects.toThrow('EISDIR');
});

test('only devices and pipes may wait', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(['file', '', 'none'].map((name) => mayWait(join(folder, name)))).toEqual([false, false, false]);
  expect(mayWait('/dev/null')).toBe(true);
});
