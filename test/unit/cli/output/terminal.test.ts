import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isTerminal } from '../../../../src/cli/output/terminal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-terminal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the master of a pseudo-terminal is a terminal', () => {
  const fd = openSync('/dev/ptmx', 'r+');
  expect(isTerminal(fd)).toBe(true);
  closeSync(fd);
});

test.each(['/dev/null', '/dev/zero', '/proc/self/stat', '/'])('%s is no terminal', (path) => {
  const fd = openSync(path, 'r');
  expect(isTerminal(fd)).toBe(false);
  closeSync(fd);
});

test('a file is no terminal, open or closed', () => {
  const fd = openSync(join(folder, 'file'), 'w');
  expect(isTerminal(fd)).toBe(false);
  closeSync(fd);
  expect(isTerminal(fd)).toBe(false);
});
