import { expect } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { leafOfBlock } from '../../../src/model/catalogue-leaf.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';
import type { TWIN_STEPS } from './twin-stores.ts';

type Step = (typeof TWIN_STEPS)[number];

/** Steps that finish a version: its manifest was written before, and says that it is valid. */
const FINISHING: readonly Step[] = ['backup', 'takeOver', 'resume'];

/** A version as its manifest would show it. */
interface Copy {
  version: TaggedVersion;
  rows: Map<number, string>;
  /** Written just before the last step. */
  isNew: boolean;
}

/**
 * Versions as their manifests would show them, kept beside a store: after each step, the marks in
 * the database must cover every difference.
 */
export class CatalogueLedger {
  /** The store, which tracks three of four versions from their creation on. */
  readonly store: MetaStore;
  readonly #meta: MetaStore;
  readonly #copies = new Map<string, Copy>();
  readonly #untracked = new Set<string>();
  readonly #imported = new Set<string>();
  #steps = 0;

  constructor(meta: MetaStore) {
    this.#meta = meta;
    this.store = {
      ...meta,
      createVersion: async (version) => {
        await meta.createVersion(version);
        if (Number(version.uid.slice(1)) % 4 === 0) this.#untracked.add(version.uid);
        else await this.#track(version.uid);
      },
    };
  }

  /** Checks the marks that a step has left, then writes some of the manifests. */
  async check(step: Step): Promise<void> {
    this.#steps++;
    const versions = await this.#meta.listVersions({});
    const stale = new Set(await this.#meta.staleVersions());
    await this.#checkRemoved(versions);
    for (const version of versions) {
      const { uid } = version;
      const changes = await this.#meta.catalogueChanges(uid);
      if (this.#untracked.has(uid)) {
        expect(changes).toBeUndefined();
        continue;
      }
      if (changes === undefined) throw new Error(`version ${uid} is not tracked`);
      const rows = await this.#rowsOf(uid);
      const copy = this.#copies.get(uid);
      if (copy === undefined) {
        // Imports come in no other way.
        if (!this.#imported.has(uid)) expect([uid, step, changes.changes]).toEqual([uid, 'import', 1]);
        this.#imported.add(uid);
        expect(changes).toMatchObject({ written: 0, leaves: 'all' });
      } else this.#compare(step, copy, { version, rows }, changes);
      expect([uid, stale.has(uid)]).toEqual([uid, changes.changes !== changes.written && (version.valid || changes.written > 0)]);
      if (copy !== undefined) copy.isNew = false;
      if ((this.#steps + Number(uid.slice(1))) % 3 > 0) await this.#settle({ version, rows, isNew: true }, changes.changes);
    }
  }

  async #track(uid: string): Promise<void> {
    await this.#meta.trackVersions([uid]);
    const version = await this.#meta.findVersion(uid);
    if (version !== undefined) this.#copies.set(uid, { version, rows: new Map(), isNew: true });
  }

  #compare(
    step: Step,
    copy: Copy,
    { version, rows }: Pick<Copy, 'version' | 'rows'>,
    { changes, written, leaves }: { changes: number; written: number; leaves: 'all' | number[] },
  ): void {
    const changed = new Set<number>();
    // Rows that were added are the writer's own.
    for (const [id, row] of copy.rows) if (rows.get(id) !== row) changed.add(leafOfBlock(id));
    if (FINISHING.includes(step) && version.valid) copy.version = { ...copy.version, valid: true };
    const isSame = JSON.stringify(copy.version) === JSON.stringify(version);
    if (leaves !== 'all') {
      expect(leaves).toEqual(expect.arrayContaining([...changed]));
      if (copy.isNew) expect([version.uid, leaves]).toEqual([version.uid, [...changed].sort((a, b) => a - b)]);
    }
    if (changed.size > 0 || !isSame) expect([version.uid, changes]).not.toEqual([version.uid, written]);
    else if (copy.isNew && step !== 'good' && written > 0) expect([version.uid, changes]).toEqual([version.uid, written]);
  }

  async #settle(copy: Copy, changes: number): Promise<void> {
    const { uid, name } = copy.version;
    const folder = `folder-${name}`;
    expect(await this.#meta.settleManifest({ versionUid: uid, changes: changes - 1, folder })).toBe(false);
    expect(await this.#meta.settleManifest({ versionUid: uid, changes, folder })).toBe(true);
    expect(await this.#meta.catalogueChanges(uid)).toEqual({ changes, written: changes, leaves: [] });
    this.#copies.set(uid, copy);
  }

  /** A version that may have a manifest is remembered, with its name. */
  async #checkRemoved(versions: readonly TaggedVersion[]): Promise<void> {
    const there = new Set(versions.map(({ uid }) => uid));
    for (const uid of [...this.#copies.keys()]) {
      if (there.has(uid)) continue;
      this.#copies.delete(uid);
      expect(await this.#meta.catalogueChanges(uid)).toBeUndefined();
    }
    for (const { versionUid, name, folder } of await this.#meta.removedManifests()) {
      expect(there.has(versionUid)).toBe(false);
      expect(folder).toBe(`folder-${name}`);
    }
  }

  async #rowsOf(uid: string): Promise<Map<number, string>> {
    const rows = new Map<number, string>();
    for (let after = -1; ; ) {
      const page = await this.#meta.blockPage(uid, after, 1000);
      for (const row of page) rows.set(row.id, JSON.stringify(row));
      const end = page.at(-1);
      if (end === undefined) return rows;
      after = end.id;
    }
  }
}
