import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeWholeFile } from '../../../../src/core/files/whole-file.ts';
import { BackyError } from '../../../../src/errors.ts';

let folder: string;
let fileName: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-whole-file-'));
  fileName = join(folder, 'export');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('replaces the file when it is complete, and not before', async () => {
  writeFileSync(fileName, 'old');
  const result = await writeWholeFile({
    fileName,
    verb: 'write',
    write: async (temporary) => {
      writeFileSync(temporary, 'new');
      return readFileSync(fileName, 'utf8');
    },
  });
  expect([result, readFileSync(fileName, 'utf8'), readdirSync(folder)]).toEqual(['old', 'new', ['export']]);
});

it('leaves neither the temporary file nor its side files after a failure', async () => {
  const writing = writeWholeFile({
    fileName,
    verb: 'export to',
    sideFiles: ['-wal'],
    write: async (temporary) => {
      writeFileSync(temporary, 'half');
      writeFileSync(`${temporary}-wal`, 'side');
      throw new Error('no space');
    },
  });
  await expect(writing).rejects.toMatchObject({ code: 'io', message: `Cannot export to ${fileName}: no space` });
  expect(readdirSync(folder)).toEqual([]);
});

it('passes on errors that say what to do', async () => {
  const error = new BackyError('notFound', 'Version not found.');
  await expect(writeWholeFile({ fileName, verb: 'write', write: () => Promise.reject(error) })).rejects.toBe(error);
  expect(existsSync(fileName)).toBe(false);
});
