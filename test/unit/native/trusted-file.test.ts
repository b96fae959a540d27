import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOpenToOthers, isWritableByOthers } from '../../../src/native/trusted-file.ts';

const [ALONE, READERS, GROUP] = [0o600, 0o640, 0o660];
const STRANGER = 1234;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-trust-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('others who can put files into a folder are trusted', () => {
  it.each([
    [0o700, ALONE, false],
    [0o750, ALONE, false],
    [0o770, ALONE, true],
    [0o770, READERS, true],
    [0o770, GROUP, false],
    [0o2770, GROUP, false],
    [0o777, GROUP, true],
    [0o1777, GROUP, true],
  ])('folder %o, file_mode %o: open is %s', (mode, fileMode, isOpen) => {
    chmodSync(folder, mode);
    expect(isOpenToOthers(folder, fileMode)).toBe(isOpen);
    expect(isWritableByOthers(folder, fileMode)).toBe(isOpen);
  });

  it.skipIf(process.getuid?.() !== 0)('only if they are in a group of ours: the owner of a folder is, or is a stranger', () => {
    chmodSync(folder, 0o770);
    chownSync(folder, STRANGER, process.getegid?.() ?? 0);
    expect([ALONE, GROUP].map((fileMode) => isOpenToOthers(folder, fileMode))).toEqual([true, false]);
    chownSync(folder, STRANGER, STRANGER);
    expect([ALONE, GROUP].map((fileMode) => isOpenToOthers(folder, fileMode))).toEqual([true, true]);
  });
});
