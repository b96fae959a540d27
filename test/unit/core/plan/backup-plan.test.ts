import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBackup } from '../../../../src/core/plan/backup-plan.ts';
import type { Hint } from '../../../../src/core/plan/hints.ts';

const BLOCK = 16;

type Fate = 'read' | 'take' | 'sparse';

/** docs/spec/semantics.md §2.2, said block by block and byte by byte. */
function expectedFate(id: number, sizeBytes: number, hints: readonly Hint[], baseSizeBytes: number | undefined): Fate {
  const first = id * BLOCK;
  const end = Math.min(first + BLOCK, sizeBytes);
  const touches = (hint: Hint) => hint.offset < end && hint.offset + Math.max(hint.length, 0) > first;
  const touchesEmpty = (hint: Hint) => hint.length === 0 && hint.offset > first && hint.offset < first + BLOCK;
  const holes = hints.filter((hint) => !hint.exists);
  const lengthDiffers = baseSizeBytes !== undefined && first < baseSizeBytes && Math.min(first + BLOCK, baseSizeBytes) !== end;
  if (lengthDiffers) return 'read';
  if (hints.some((hint) => hint.exists && (touches(hint) || touchesEmpty(hint)))) return 'read';
  const holeBytes = Array.from({ length: end - first }, (_, i) => first + i).filter((byte) =>
    holes.some((hint) => hint.offset <= byte && byte < hint.offset + hint.length),
  ).length;
  if (holeBytes === end - first) return 'sparse';
  if (holeBytes > 0) return 'read';
  if (baseSizeBytes === undefined) return 'sparse';
  return first >= baseSizeBytes ? 'read' : 'take';
}

describe('planBackup', () => {
  it('decides every block as docs/spec/semantics.md does, whatever the hints and sizes', () => {
    const hint = (size: number) =>
      fc.tuple(fc.nat(size), fc.nat(size), fc.boolean()).map(([a, b, exists]) => ({
        offset: Math.min(a, b),
        length: Math.abs(a - b),
        exists,
      }));
    const input = fc
      .integer({ min: 0, max: 12 * BLOCK + 3 })
      .chain((sizeBytes) =>
        fc.tuple(
          fc.constant(sizeBytes),
          fc.array(hint(sizeBytes), { maxLength: 6 }),
          fc.option(fc.integer({ min: 0, max: 14 * BLOCK }), { nil: undefined }),
        ),
      );
    fc.assert(
      fc.property(input, ([sizeBytes, hints, baseSizeBytes]) => {
        const plan = planBackup({ blockSize: BLOCK, sizeBytes, hints, baseSizeBytes });
        for (let id = 0; id * BLOCK < sizeBytes; id++) {
          const fates = (['read', 'take', 'sparse'] as const).filter((fate) => plan[fate].has(id));
          expect({ id, fates }).toEqual({ id, fates: [expectedFate(id, sizeBytes, hints, baseSizeBytes)] });
          // Without a base, blocks that a base of the same length would give have to be zero.
          const isUntouched = expectedFate(id, sizeBytes, hints, sizeBytes) === 'take';
          expect(plan.presumedZero?.has(id)).toBe(baseSizeBytes === undefined ? isUntouched : undefined);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads everything without hints, and takes everything over with empty ones', () => {
    const all = planBackup({ blockSize: BLOCK, sizeBytes: 100, hints: undefined, baseSizeBytes: 100 });
    expect([all.read.count(), all.take.count(), all.sparse.count()]).toEqual([7, 0, 0]);
    const none = planBackup({ blockSize: BLOCK, sizeBytes: 100, hints: [], baseSizeBytes: 100 });
    expect([none.read.count(), none.take.count(), none.sparse.count()]).toEqual([0, 7, 0]);
  });

  it('needs memory and time for 50 million blocks and 100,000 hints that a backup does not notice', () => {
    const hints = Array.from({ length: 100_000 }, (_, i) => ({ offset: i * 2_000_000_000, length: 4096, exists: i % 3 > 0 }));
    const plan = planBackup({
      blockSize: 4 * 1024 * 1024,
      sizeBytes: 50_000_000 * 4 * 1024 * 1024,
      hints,
      baseSizeBytes: undefined,
    });
    expect(plan.read.count() + plan.sparse.count()).toBe(50_000_000);
  });
});
