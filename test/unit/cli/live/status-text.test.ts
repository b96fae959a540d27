import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { paceOf } from '../../../../src/cli/live/pace.ts';
import { progressLine } from '../../../../src/cli/live/progress-line.ts';
import { duration, statusText } from '../../../../src/cli/live/status-text.ts';
import { shorten } from '../../../../src/cli/output/shorten.ts';
import type { Progress } from '../../../../src/core/progress.ts';

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
const HUGE: Progress = { ...PROGRESS, doneBlocks: 115, totalBlocks: 1e9, phaseEndBlocks: 1e9 };

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

  it('have the form that scripts expect', () => {
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

  it('show 100% only when all is done, and for no blocks at all', () => {
    const text = (progress: Progress) => statusText({ operation: 'scrub', what: 'x' }, progress, paceOf(progress, 1));
    expect(text({ ...PROGRESS, doneBlocks: 99_999, totalBlocks: 100_000 })).toContain('(99.9% ');
    expect(text({ ...PROGRESS, doneBlocks: 100_000, totalBlocks: 100_000 })).toContain('(100.0% ');
    expect(text({ ...PROGRESS, doneBlocks: 0, totalBlocks: 0, phaseEndBlocks: 0 })).toMatch(/\(100\.0% .* ETA 0s\)/);
  });
});

describe('the pace', () => {
  it('counts only this phase', () => {
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

describe('the live line', () => {
  const subject = { operation: 'backup' as const, what: 'file:///dev/vg0/日本-snapshot' };
  const line = (width: number, progress = PROGRESS) =>
    progressLine({ subject, progress, pace: paceOf(progress, 1), seconds: 92, width });

  it.each([
    [120, 'Backing up file:///dev/vg0/日本-snapshot  11.5% [=====>                                        ]   93.0 MB/s  ETA 8s'],
    [79, 'Backing up file:…-snapshot  11.5% [==>                ]   93.0 MB/s  ETA 8s'],
    [50, ' 11.5% [=>               ]   93.0 MB/s  ETA 8s'],
    [32, ' 11.5%   93.0 MB/s  ETA 8s'],
    [20, ' 11.5%  ETA 8s'],
    [10, ' 11.5%'],
    [5, ''],
  ])('of %i columns', (width, text) => {
    expect(line(width)).toBe(text);
  });

  it('shows the duration at the end', () => {
    expect(line(79, { ...PROGRESS, doneBlocks: 1000 })).toBe(
      'Backing up file:…-snapshot 100.0% [===================]   93.0 MB/s  in 92s',
    );
  });

  it('is never too wide, whatever it contains', () => {
    const phase = fc.constantFrom('prepare' as const, 'data' as const);
    const operation = fc.constantFrom('backup' as const, 'restore' as const, 'scrub' as const);
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 250 }), operation, phase, fc.string({ unit: 'grapheme' }), (width, op, ph, what) => {
        for (const base of [PROGRESS, HUGE]) {
          const progress = { ...base, phase: ph };
          const text = progressLine({
            subject: { operation: op, what },
            progress,
            pace: paceOf(progress, 1e5),
            seconds: 1e6,
            width,
          });
          expect(stringWidth(text)).toBeLessThanOrEqual(Math.max(0, width));
        }
      }),
    );
  });
});

describe('shorten', () => {
  it('keeps both ends, and whole letters', () => {
    expect(shorten('0123456789', 10, (text) => text.length)).toBe('0123456789');
    expect(shorten('0123456789', 7, (text) => text.length)).toBe('01…6789');
    expect(shorten('ééééé', 9, Buffer.byteLength)).toBe('é…éé');
    expect(shorten('0123456789', 0, (text) => text.length)).toBe('');
  });
});
