import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deduplicator, type DeduplicatorOptions, type UnplacedBlock } from '../../../../src/core/blocks/deduplicator.ts';
import type { Decision, StoredBlock } from '../../../../src/engine/shared/messages.ts';
import { type DedupKey, dedupKey, type FoundBlob } from '../../../../src/model/blob.ts';

const SIZE = 4096;

/** A block whose content is named by a letter. */
const block = (id: number, checksum: string): UnplacedBlock => ({ id, checksum, size: SIZE });

/** The answer of a worker that carried out its decision. */
function workerAnswer(id: number, decision: Decision | undefined): StoredBlock {
  if (decision == null) throw new Error(`no worker has block ${id}`);
  const uid = decision.action === 'store' ? `new-${id}` : decision.uid;
  return { id, uid, envKey: 'key', nonce: 'nonce', written: decision.action === 'store' };
}

/** The answer of a worker that found the candidate missing, and stored a new blob. */
function rejectingAnswer(id: number, decision: Decision | undefined): StoredBlock {
  if (decision?.action !== 'reuse') throw new Error(`block ${id} has no candidate`);
  return { id, uid: `new-${id}`, envKey: 'key', nonce: 'nonce', written: true, rejected: 'it is missing' };
}

/** `stored`: blobs in the database, by their content. */
function deduplicatorWith(stored: Record<string, FoundBlob> = {}, options: Partial<DeduplicatorOptions<UnplacedBlock>> = {}) {
  const placed: string[] = [];
  const lookups: string[][] = [];
  const blobs = new Deduplicator<UnplacedBlock>({
    encVersion: 1,
    findBlobs: async (contents) => {
      lookups.push(contents.map(({ checksum }) => checksum));
      return findIn(stored, contents);
    },
    onPlaced: ({ id }, { uid, found, replaces }) =>
      placed.push(`${id}: ${found ? 'found' : 'new'} ${uid}${replaces === undefined ? '' : ` for ${replaces}`}`),
    ...options,
  });
  return { blobs, placed, lookups };
}

function findIn(stored: Record<string, FoundBlob>, contents: readonly DedupKey[]): Map<string, FoundBlob> {
  const found = new Map<string, FoundBlob>();
  for (const content of contents) {
    const blob = stored[content.checksum];
    if (blob !== undefined) found.set(dedupKey(content), blob);
  }
  return found;
}

describe('a content that nobody has', () => {
  it('is stored for its first block, and equal blocks wait for that blob', async () => {
    const { blobs, placed } = deduplicatorWith();
    const decisions = await blobs.place([block(0, 'a'), block(1, 'a'), block(2, 'b')]);
    expect([...decisions.keys()]).toEqual([0, 2]);
    expect(placed).toEqual([]);
    const answer = workerAnswer(0, decisions.get(0));
    blobs.stored(answer);
    expect(placed).toEqual([`0: new ${answer.uid}`, `1: found ${answer.uid}`]);
  });

  it('is given to blocks that come while its row is not committed, without a lookup', async () => {
    const { blobs, placed, lookups } = deduplicatorWith();
    const decisions = await blobs.place([block(0, 'a')]);
    blobs.stored(workerAnswer(0, decisions.get(0)));
    expect((await blobs.place([block(1, 'a')])).size).toBe(0);
    expect(placed.at(-1)).toBe('1: found new-0');
    expect(lookups).toEqual([['a']]);
  });

  it('is looked up again once its row is committed', async () => {
    const { blobs, lookups } = deduplicatorWith();
    blobs.stored(workerAnswer(0, (await blobs.place([block(0, 'a')])).get(0)));
    blobs.committed([{ checksum: 'a', size: SIZE }]);
    await blobs.place([block(1, 'a')]);
    expect(lookups).toEqual([['a'], ['a']]);
  });

  it('is claimed before the lookup, which other calls do not wait for', async () => {
    let answer: (found: Map<string, FoundBlob>) => void = () => {};
    const findBlobs = () =>
      new Promise<Map<string, FoundBlob>>((resolve) => {
        answer = resolve;
      });
    const { blobs } = deduplicatorWith({}, { findBlobs });
    const first = blobs.place([block(0, 'a')]);
    expect((await blobs.place([block(1, 'a')])).size).toBe(0);
    answer(new Map());
    expect([...(await first).keys()]).toEqual([0]);
  });
});

describe('a blob that the database names', () => {
  const stored = { a: { uid: 'blob-a', envKey: 'stored key', nonce: 'stored nonce' } };

  it('is reused with its own key, for equal blocks too', async () => {
    const seals: unknown[] = [];
    const { blobs } = deduplicatorWith(stored, {
      onPlaced: ({ id }, { uid, envKey, nonce, found }) => seals.push([id, uid, envKey, nonce, found]),
    });
    const decisions = await blobs.place([block(0, 'a'), block(1, 'a')]);
    expect(decisions.get(0)).toMatchObject({ action: 'reuse', uid: 'blob-a' });
    expect(blobs.stored(workerAnswer(0, decisions.get(0))).candidate).toEqual(stored.a);
    expect(seals).toEqual([0, 1].map((id) => [id, 'blob-a', 'stored key', 'stored nonce', true]));
  });

  it('is replaced by a new blob if it is gone', async () => {
    const { blobs, placed } = deduplicatorWith(stored);
    const decisions = await blobs.place([block(0, 'a'), block(1, 'a')]);
    const answer = rejectingAnswer(0, decisions.get(0));
    blobs.stored(answer);
    expect(placed).toEqual([`0: new ${answer.uid} for blob-a`, `1: found ${answer.uid}`]);
  });

  it('is to be read first if only an import names it', async () => {
    const imported = { a: { ...stored.a, imported: true as const } };
    const { blobs } = deduplicatorWith(imported);
    expect((await blobs.place([block(0, 'a')])).get(0)).toMatchObject({
      action: 'reuse',
      verify: { checksum: 'a', encVersion: 1, envKey: 'stored key', nonce: 'stored nonce' },
    });
  });

  it('need not be read again once an import was right about it', async () => {
    const imported = { a: { ...stored.a, imported: true as const } };
    const { blobs } = deduplicatorWith(imported, { isVerified: (uid, checksum) => uid === 'blob-a' && checksum === 'a' });
    expect((await blobs.place([block(0, 'a')])).get(0)).not.toHaveProperty('verify');
    expect(blobs.claimOf(0)?.candidate).toEqual(stored.a);
  });
});

describe('a block that can not be read', () => {
  it('gives its content up: those that waited are placed again, and one of them claims it', async () => {
    const { blobs, placed } = deduplicatorWith();
    await blobs.place([block(0, 'a'), block(1, 'a'), block(2, 'a')]);
    const failed = blobs.failed(0);
    expect(failed).toEqual({ block: block(0, 'a'), waiting: [block(1, 'a'), block(2, 'a')] });
    const decisions = await blobs.place(failed?.waiting ?? []);
    expect([...decisions.keys()]).toEqual([1]);
    blobs.stored(workerAnswer(1, decisions.get(1)));
    expect(placed).toHaveLength(2);
  });

  it('is unknown when no worker has it', async () => {
    const { blobs } = deduplicatorWith();
    expect(blobs.failed(7)).toBeUndefined();
    expect(() => blobs.stored({ id: 7, uid: 'u', envKey: null, nonce: null, written: true })).toThrow('which nobody asked for');
  });
});

it('is another content if only its size differs', async () => {
  const { blobs, placed, lookups } = deduplicatorWith();
  const last = { ...block(1, 'a'), size: SIZE - 1 };
  const decisions = await blobs.place([block(0, 'a'), last, { ...last, id: 2 }, block(3, 'a')]);
  expect([...decisions.keys()]).toEqual([0, 1]);
  for (const [id, decision] of decisions) blobs.stored(workerAnswer(id, decision));
  expect(placed).toEqual(['0: new new-0', '3: found new-0', '1: new new-1', '2: found new-1']);
  blobs.committed([{ checksum: 'a', size: SIZE - 1 }]);
  await blobs.place([block(4, 'a'), { ...last, id: 5 }]);
  expect(lookups).toEqual([['a', 'a'], ['a']]);
});

it('without deduplication every block has a blob of its own, and nothing is looked up', async () => {
  const { blobs, lookups } = deduplicatorWith({ a: { uid: 'blob-a', envKey: null, nonce: null } }, { deduplication: false });
  const decisions = await blobs.place([block(0, 'a'), block(1, 'a')]);
  expect([...decisions.values()]).toEqual([{ action: 'store' }, { action: 'store' }]);
  expect(lookups).toEqual([]);
});

it('places every block once and stores every content once, whatever the order of jobs, answers and commits', async () => {
  const jobs = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(jobs, fc.array(fc.nat(), { maxLength: 60 }), async (contents, choices) => {
      const database: Record<string, FoundBlob> = {};
      const uncommitted: { checksum: string; uid: string }[] = [];
      const uids = new Map<number, string>();
      const made = new Map<string, number>();
      const { blobs } = deduplicatorWith(database, {
        findBlobs: async (wanted) => findIn(database, wanted),
        onPlaced: ({ id, checksum }, { uid, found }) => {
          expect(uids.has(id)).toBe(false);
          uids.set(id, uid);
          if (!found) made.set(checksum, (made.get(checksum) ?? 0) + 1);
          uncommitted.push({ checksum, uid });
        },
      });
      const working: StoredBlock[] = [];
      const waiting = contents.map((letters, job) => letters.map((letter, index) => block(job * 4 + index, letter)));
      const expected = waiting.flat();
      const commit = () => {
        for (const { checksum, uid } of uncommitted) database[checksum] = { uid, envKey: null, nonce: null };
        blobs.committed(uncommitted.splice(0).map(({ checksum }) => ({ checksum, size: SIZE })));
      };
      for (let step = 0; waiting.length > 0 || working.length > 0; step++) {
        const choice = choices[step] ?? step;
        const [answer] = choice % 3 === 1 ? working.splice(choice % working.length || 0, 1) : [];
        if (answer !== undefined) blobs.stored(answer);
        else if (choice % 3 === 2) commit();
        else {
          const decisions = await blobs.place(waiting.shift() ?? []);
          for (const [id, decision] of decisions) working.push(workerAnswer(id, decision));
        }
      }
      expect([...uids.keys()].sort((x, y) => x - y)).toEqual(expected.map(({ id }) => id));
      expect([...made.values()].every((count) => count === 1)).toBe(true);
      for (const letter of ['a', 'b', 'c', 'd']) {
        const used = expected.filter(({ checksum }) => checksum === letter).map(({ id }) => uids.get(id));
        expect(new Set(used).size).toBeLessThanOrEqual(1);
      }
    }),
  );
});
