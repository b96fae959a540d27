import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { undelete } from '../../src/core/catalogue/undelete.ts';
import type { Context } from '../../src/core/context.ts';
import { checkMetadata } from '../../src/core/upkeep/check-metadata.ts';
import { cleanupFast, cleanupFull } from '../../src/core/upkeep/cleanup.ts';
import { removeVersion } from '../../src/core/versions/remove-version.ts';
import { FileBackend } from '../../src/data/file/file-backend.ts';
import { BackyError } from '../../src/errors.ts';
import { silentLogger } from '../../src/logger.ts';
import { sqliteStore } from '../../src/meta/sqlite/sqlite-store.ts';
import { LAYOUTS } from '../../src/model/layout.ts';
import { isWholeAgain, type VersionBefore } from '../support/catalogue/undelete-checks.ts';
import { runSeed, seededRandom } from '../support/images/random.ts';
import { CatalogueLab } from '../support/labs/catalogue-lab.ts';
import { Turns } from '../support/model/turns.ts';

const SEED = runSeed();
/** A race takes a third of a second. */
const RACES = process.env.BACKY_LONG_TESTS ? 100 : 3;
const FORCED = { dangerousForce: true, prefix: '' };
const FAST = { dangerousForce: false, prefix: '' };
const FULL = { prefix: '', yesDelete: 1_000_000 };

const CLEANUPS: Record<string, (context: Context) => Promise<unknown>> = {
  fast: (context) => cleanupFast(context, FAST),
  forced: (context) => cleanupFast(context, FORCED),
  full: (context) => cleanupFull(context, FULL),
};

let lab: CatalogueLab;
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const store of open.splice(0)) await store.close();
  await lab.dispose();
});

/** Another program of the same installation, each of whose calls is a step. */
async function program(turns: Turns): Promise<Context> {
  const meta = sqliteStore({
    ...{ path: join(lab.core.folder, 'backy.sqlite'), cacheMb: 4, createIfMissing: false },
    ...{ logger: silentLogger, now: () => lab.core.now },
  });
  await meta.open();
  open.push(meta);
  return { ...lab.context, meta: turns.stepping(meta), locks: turns.stepping(lab.core.otherLocks(), ['tryAcquire']) };
}

/** Looks for blobs and deletions are steps too: most of an undeletion is one call of the store. */
function stepBlobs(turns: Turns): void {
  for (const name of ['find', 'delete'] as const) {
    const original = FileBackend.prototype[name];
    vi.spyOn(FileBackend.prototype, name).mockImplementation(async function (this: FileBackend, ...args: never[]) {
      await turns.turn();
      return Reflect.apply(original, this, args);
    } as never);
  }
}

describe.each(LAYOUTS)('with the layout %s, while a cleanup runs', (layout) => {
  it.each(Object.keys(CLEANUPS))(
    `a version comes back whole or not at all (%s; seed ${SEED}; BACKY_TEST_SEED repeats it)`,
    async (kind) => {
      const won: boolean[] = [];
      for (let race = 0; race < RACES; race++) {
        if (race > 0) await lab.dispose();
        lab = await CatalogueLab.create(layout);
        const random = seededRandom(SEED + race);
        // `other` shares blocks with the version by dedup, `next` by take-over.
        const other = await lab.backup([0, 600], { name: 'other', content: 'x' });
        const uid = await lab.backup([0, 1, 2, 700, 1500]);
        const next = await lab.backup([700], { baseUid: uid, content: 'y' });
        const was: VersionBefore = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
        const kept: VersionBefore = { version: await lab.core.version(next), rows: await lab.rows(next) };
        await removeVersion(lab.context, uid, true);
        await lab.flush();
        // Some races are about blobs that are old enough, some about a manifest that is not.
        lab.core.now = new Date(lab.core.now.getTime() + (random() < 0.8 ? 2 : 0.5) * 3600_000);
        const turns = new Turns(random);
        stepBlobs(turns);
        const [undeleting, cleaning, removing] = [await program(turns), await program(turns), await program(turns)];
        const [back, cleaned, removed] = await turns.run<unknown>({
          undelete: () => undelete(undeleting, uid),
          cleanup: async () => {
            for (let i = Math.floor(random() * 4); i > 0; i--) await turns.turn();
            await CLEANUPS[kind]?.(cleaning);
          },
          // Blobs that both have become candidates once more.
          ...(random() < 0.5 ? { rm: () => removeVersion(removing, other, true) } : {}),
        });
        vi.restoreAllMocks();
        for (const one of [cleaned, removed]) if (one?.status === 'rejected') isBusy(one.reason);
        if (back?.status === 'fulfilled') await isWholeAgain(lab, uid, was);
        else {
          expect(back?.reason).toBeInstanceOf(BackyError);
          expect(['refused', 'locked', 'notFound']).toContain((back?.reason as BackyError | undefined)?.code);
          expect(await lab.core.meta.findVersion(uid)).toBeUndefined();
          expect(await lab.rows(uid)).toEqual([]);
        }
        won.push(back?.status === 'fulfilled');
        // Nothing of it goes later, and nothing else is left.
        lab.core.now = new Date(lab.core.now.getTime() + 10 * 3600_000);
        await lab.flush();
        await cleanupFast(lab.context, FAST);
        if (won.at(-1) === true) await isWholeAgain(lab, uid, was);
        await isWholeAgain(lab, next, kept);
        expect((await checkMetadata(lab.context)).findings).toEqual([]);
        const { blobsDeleted } = await cleanupFull(lab.context, FULL);
        expect(blobsDeleted, 'blobs that a fast cleanup left behind').toBe(0);
      }
      if (RACES > 50) expect([...new Set(won)].sort(), 'outcomes').toEqual([false, true]);
    },
    600_000,
  );
});

/** A full cleanup and other operations exclude each other; a manifest may be read at the moment. */
function isBusy(reason: unknown): void {
  expect(reason).toBeInstanceOf(BackyError);
  expect((reason as BackyError).code, String(reason)).toBe('locked');
}
