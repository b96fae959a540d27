import { describe, expect, it } from 'vitest';
import { paceOf } from '../../src/cli/pace.ts';
import { shorten } from '../../src/cli/render/shorten.ts';
import { duration, statusText } from '../../src/cli/render/status-text.ts';
import type { Progress } from '../../src/core/progress.ts';

const PROGRESS: Progress = {
  phase: 'data',
  doneBlocks: 115,
  totalBlocks: 1000,
  phaseStartBlocks: 0,
  phaseEndBlocks: 1000,
  movedBytes: 93_000_000,
  lastId: 42,
  loads: { read: 1, write: 0.5 },
};

describe('status lines', () => {
  it.each([
    [0, '0s'],
    [83, '83s'],
    [119, '119s'],
    [119.2, '2m0s'],
    [92 + 60, '2m32s'],
    [3599, '59m59s'],
    [3600, '1h0m'],
    [59 * 3600 + 61, '59h1m'],
  ])('write %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('look as scripts know them', () => {
    const pace = { bytesPerSecond: 93_000_000, etaSeconds: 59 * 3600 + 61 };
    const numbers = 'Read Queue [==========] Write Queue [=====     ] (11.5% 93.0MB/sØ ETA 59h1m)';
    expect(statusText({ operation: 'backup', what: 'rbd://vms/test@snap' }, PROGRESS, pace)).toBe(
      `Backing up (2/2: Data) rbd://vms/test@snap ${numbers}`,
    );
    expect(statusText({ operation: 'backup', what: 'x' }, { ...PROGRESS, phase: 'prepare' }, pace)).toBe(
      `Backing up (1/2: Prep) x ${numbers}`,
    );
    expect(statusText({ operation: 'restore', what: 'file:///x' }, PROGRESS, pace)).toBe(
      `Restore phase 2/2 (data) to file:///x ${numbers} Last ID: 42`,
    );
    expect(statusText({ operation: 'restore', what: 'file:///x' }, { ...PROGRESS, lastId: -1 }, pace)).toMatch(/ Last ID: None$/);
    expect(statusText({ operation: 'scrub', what: 'test (9054672e-…)' }, PROGRESS, pace)).toBe(
      `Scrubbing test (9054672e-…) ${numbers}`,
    );
  });

  it('never say 100 % before all is done, and say it of nothing', () => {
    const text = (progress: Progress) => statusText({ operation: 'scrub', what: 'x' }, progress, paceOf(progress, 1));
    expect(text({ ...PROGRESS, doneBlocks: 99_999, totalBlocks: 100_000 })).toContain('(99.9% ');
    expect(text({ ...PROGRESS, doneBlocks: 100_000, totalBlocks: 100_000 })).toContain('(100.0% ');
    expect(text({ ...PROGRESS, doneBlocks: 0, totalBlocks: 0, phaseEndBlocks: 0 })).toMatch(/\(100\.0% .* ETA 0s\)/);
  });
});

describe('the pace', () => {
  it('is that of this phase alone', () => {
    const continued = { ...PROGRESS, phaseStartBlocks: 500, doneBlocks: 600, movedBytes: 1_000 };
    expect(paceOf(continued, 10)).toEqual({ bytesPerSecond: 100, etaSeconds: 40 });
    const preparing = { ...PROGRESS, phase: 'prepare' as const, doneBlocks: 600, phaseEndBlocks: 900, movedBytes: 0 };
    expect(paceOf(preparing, 10)).toEqual({ bytesPerSecond: 0, etaSeconds: 5 });
  });

  it('is unknown before a block is finished, and zero at the very start', () => {
    expect(paceOf({ ...PROGRESS, doneBlocks: 0, movedBytes: 0 }, 5)).toEqual({ bytesPerSecond: 0, etaSeconds: undefined });
    expect(paceOf(PROGRESS, 0).bytesPerSecond).toBe(0);
  });
});

describe('shorten', () => {
  it('leaves both ends, and whole letters', () => {
    expect(shorten('0123456789', 10, (text) => text.length)).toBe('0123456789');
    expect(shorten('0123456789', 7, (text) => text.length)).toBe('01…6789');
    expect(shorten('ééééé', 9, Buffer.byteLength)).toBe('é…éé');
    expect(shorten('0123456789', 0, (text) => text.length)).toBe('');
  });
});
