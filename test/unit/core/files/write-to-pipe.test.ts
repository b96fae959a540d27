import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPipe, writeToPipe } from '../../../../src/core/files/write-to-pipe.ts';

const never = new AbortController().signal;

test('a device is written to; a file is written beside and renamed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-pipe-'));
  writeFileSync(join(folder, 'file'), '');
  expect(['file', 'none', ''].map((name) => isPipe(join(folder, name)))).toEqual([false, false, false]);
  rmSync(folder, { recursive: true });
  expect(isPipe('/dev/null')).toBe(true);
});

test('a link of the system to an open file is refused: a rename would replace it for everyone', () => {
  expect(() => isPipe('/proc/self/exe')).toThrow('/proc/self/exe is a device. Nothing was changed.');
});

test('all text is written, and a failure names the device', async () => {
  const made: string[] = [];
  const text = async function* () {
    for (const piece of ['a', 'b']) {
      made.push(piece);
      yield piece;
    }
  };
  await writeToPipe('/dev/null', text(), never);
  expect(made).toEqual(['a', 'b']);
  await expect(writeToPipe('/dev/full', text(), never)).rejects.toThrow('Cannot export to /dev/full: ENOSPC');
  const stop = AbortSignal.abort(new Error('Stopped by SIGTERM.'));
  await expect(writeToPipe('/dev/null', text(), stop)).rejects.toThrow('Stopped by SIGTERM.');
});
