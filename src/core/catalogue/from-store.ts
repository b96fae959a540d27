import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import type { AddVersion } from '../../meta/fill-store.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { VersionFilter } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { labelOf } from '../store/store-errors.ts';
import { validByDate } from '../versions/valid-by-date.ts';
import { AddedLeaves } from './added-leaves.ts';
import { importManifest } from './import-manifest.ts';
import { readHeads } from './read-heads.ts';
import { temporaryStore } from './temporary-store.ts';
import { withCatalogue } from './with-catalogue.ts';

/** Which versions of a catalogue a command works on. */
export type StoreSelection =
  /** All of them, without their blocks. */
  | { kind: 'list' }
  /** One, by its uid. */
  | { kind: 'uid'; uid: string }
  /** One by its uid, or the newest valid one of a name. */
  | { kind: 'uidOrName'; text: string }
  | { kind: 'filter'; filter: Pick<VersionFilter, 'name' | 'tag'> };

/** A context whose database holds what was selected of a catalogue. */
export interface StoreContext {
  context: Context;
  /** Closes and deletes its database. */
  remove(): Promise<void>;
}

/**
 * Reads versions from the catalogue in the data backend into a temporary database. The configured
 * one is neither opened nor needed. About 10 µs for each block.
 * @throws BackyError `notFound`.
 */
export async function contextFromStore(context: Context, selection: StoreSelection): Promise<StoreContext> {
  return withCatalogue(context, async ({ catalogue, backend }) => {
    const heads = await select(context, catalogue, selection);
    const { meta, remove } = await temporaryStore(context);
    try {
      await keepStoreId(meta, backend);
      const own = { ...context, meta, settings: settingsFor(context, catalogue) };
      const added = new AddedLeaves();
      await meta.fill(async (add) => {
        for (const head of heads) {
          if (selection.kind === 'list') await importHead(meta, head, add);
          else await importManifest(own, { catalogue, head, add, pagesOf: (rows) => added.note(rows.pagesAfter(added)) });
        }
      });
      return { context: own, remove };
    } catch (error) {
      await remove();
      throw error;
    }
  });
}

async function select(context: Context, catalogue: Catalogue, selection: StoreSelection): Promise<ManifestHead[]> {
  if (selection.kind === 'uid') return [await findHead(context, catalogue, selection.uid)];
  const { heads } = await readHeads(context, catalogue);
  switch (selection.kind) {
    case 'list':
      return heads;
    case 'filter':
      return heads.filter(({ version }) => fits(version, selection.filter));
    case 'uidOrName': {
      const { text } = selection;
      const versions = heads.map(({ version }) => version);
      const named = validByDate(versions, context.now()).findLast(({ name }) => name === text);
      const wanted = versions.find(({ uid }) => uid === text) ?? named;
      const head = heads.find(({ version }) => version === wanted);
      if (head === undefined) throw notInCatalogue(context, text);
      return [head];
    }
  }
}

async function findHead(context: Context, catalogue: Catalogue, uid: string): Promise<ManifestHead> {
  const head = await catalogue.readHead(uid, context.signal);
  if (head === undefined) throw notInCatalogue(context, uid);
  return head;
}

function notInCatalogue({ data }: Context, text: string): BackyError {
  return new BackyError('notFound', `The catalogue of ${labelOf(data.backend)} has no version ${text === '' ? '""' : text}.`, {
    hint: 'List what it has with: backy2 ls --from-store',
  });
}

function fits({ name, tags }: ManifestHead['version'], filter: Pick<VersionFilter, 'name' | 'tag'>): boolean {
  return (filter.name === undefined || filter.name === name) && (filter.tag === undefined || tags.includes(filter.tag));
}

/** Adds a version without its blocks, to be listed. */
async function importHead(meta: MetaStore, { version }: ManifestHead, add: AddVersion): Promise<void> {
  await add(version, noRows());
  if (version.tags.length > 0) await meta.addTags(version.uid, version.tags);
}

async function* noRows(): AsyncIterable<never> {}

/** The store is taken for the right one: there is no database that could know better. */
async function keepStoreId(meta: MetaStore, backend: DataBackend): Promise<void> {
  const [id] = (await backend.storeIds('short')) ?? [];
  if (id !== undefined) await meta.keepStoreId(id);
}

/**
 * Data keys in the temporary database are wrapped with the catalogue's key, and what is noted there
 * is no news for the catalogue.
 */
function settingsFor({ settings }: Context, { rowKey }: Catalogue): Context['settings'] {
  return { ...settings, catalogue: false, encryption: { ...settings.encryption, key: rowKey ?? settings.encryption.key } };
}
