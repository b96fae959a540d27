import { createHash } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { type ObjectIdentity, pack, unpack } from './container.ts';
import { damagedObject } from './damage.ts';
import { decodeRows } from './decode-rows.ts';
import { decodeHead, encodeHead } from './head-codec.ts';
import type { KeyHolder } from './key-holder.ts';
import { leafPayload, needsSeal } from './leaf-payload.ts';
import { decodeList, encodeList } from './list-codec.ts';
import * as names from './names.ts';
import { LeafProblem } from './odd-rows.ts';
import type { EncodedLeaf, LeafList, LeafPayload, LeafRow, ManifestHead } from './types.ts';
import { unusedObjects } from './unused-objects.ts';

/** A catalogue whose parts are objects of a data backend. See `catalogue.ts` for the contract. */
export class StoredCatalogue {
  readonly #objects: ObjectStore;
  readonly #keys: KeyHolder;

  constructor(objects: ObjectStore, keys: KeyHolder) {
    this.#objects = objects;
    this.#keys = keys;
  }

  get isSealed(): boolean {
    return this.#keys.isSealed;
  }

  get rowKey(): string | undefined {
    return this.#keys.rowKey;
  }

  get hasNewKey(): boolean {
    return this.#keys.hasNewKey;
  }

  get recoveryProblem(): unknown {
    return this.#keys.recoveryProblem;
  }

  prepare(): Promise<void> {
    return this.#keys.ensureStored();
  }

  adoptMasterKey(): Promise<void> {
    return this.#keys.adoptMasterKey();
  }

  folderOf(imageName: string): string {
    return this.#keys.names.folderOf(imageName);
  }

  encodeLeaf(index: number, rows: readonly LeafRow[]): EncodedLeaf {
    if (rows.length === 0) return { name: 'empty', payload: undefined };
    return this.nameLeaf(leafPayload(index, rows, this.#keys.batch));
  }

  nameLeaf({ bytes, hasDataKeys }: LeafPayload): EncodedLeaf {
    const { sealKey, leafName } = this.#keys.names;
    if (sealKey === undefined && hasDataKeys) throw needsSeal();
    return { name: leafName(bytes), payload: bytes };
  }

  async putLeaves(folder: string, leaves: readonly EncodedLeaf[], signal?: AbortSignal): Promise<void> {
    const { sealKey } = this.#keys.names;
    await this.#keys.ensureStored();
    const payloads = new Map(leaves.map(({ name, payload }) => [name, payload]));
    const objects = [...payloads].flatMap(([leaf, payload]) => {
      const name = names.leafName(folder, leaf);
      return payload === undefined ? [] : [{ name, bytes: pack(payload, { kind: 'leaf', name }, sealKey) }];
    });
    await this.#objects.put(objects, signal);
  }

  async readLeaf(folder: string, index: number, leaf: string, signal?: AbortSignal): Promise<LeafRow[]> {
    if (leaf === 'empty') return [];
    const name = names.leafName(folder, leaf);
    const payload = await this.#readPresent({ kind: 'leaf', name }, signal);
    try {
      return decodeRows(index, payload, this.#keys.batch);
    } catch (error) {
      if (error instanceof LeafProblem) throw damagedObject(name, `is no leaf: ${error.message}`, error);
      throw error;
    }
  }

  async putManifest(head: Omit<ManifestHead, 'list' | 'listDigest'>, list: LeafList, signal?: AbortSignal): Promise<void> {
    const { uid, name: imageName } = head.version;
    const { sealKey, folderOf } = this.#keys.names;
    await this.#keys.ensureStored();
    const folder = folderOf(imageName);
    const payload = encodeList(list);
    const listDigest = digestOf(payload);
    const name = names.listName(folder, uid, listDigest);
    await this.#objects.put([{ name, bytes: pack(payload, { kind: 'list', name }, sealKey) }], signal);
    await this.putHead({ ...head, list: name, listDigest }, signal);
    await this.#deleteOtherLists(name, names.listPrefix(folder, uid));
  }

  async putHead(head: ManifestHead, signal?: AbortSignal): Promise<void> {
    const { sealKey } = this.#keys.names;
    await this.#keys.ensureStored();
    const name = names.headName(head.version.uid);
    await this.#objects.put([{ name, bytes: pack(encodeHead(head), { kind: 'head', name }, sealKey) }], signal);
  }

  async readHead(versionUid: string, signal?: AbortSignal): Promise<ManifestHead | undefined> {
    const name = names.headName(versionUid);
    const payload = await this.#read({ kind: 'head', name }, signal);
    return payload === undefined ? undefined : decodeHead(name, payload);
  }

  async readList({ list: name, listDigest }: ManifestHead, signal?: AbortSignal): Promise<LeafList> {
    const payload = await this.#readPresent({ kind: 'list', name }, signal);
    if (digestOf(payload) !== listDigest) throw damagedObject(name, 'is not the list that its head names');
    return decodeList(name, payload);
  }

  async versionUids(): Promise<string[]> {
    return (await this.#namesOf(names.HEADS)).map(names.versionOf);
  }

  async removals(): Promise<Map<string, number>> {
    return new Map((await this.#namesOf(names.REMOVALS)).map((name) => [names.versionOf(name), names.timeOf(name)]));
  }

  async markRemoved(versionUid: string, unixTime: number): Promise<void> {
    await this.#objects.put([{ name: names.removalName(versionUid, unixTime), bytes: Buffer.from('removed\n') }]);
  }

  async unmarkRemoved(versionUid: string): Promise<void> {
    await this.#objects.delete(await this.#namesOf(names.removalPrefix(versionUid)));
  }

  async deleteManifest(versionUid: string, folder: string): Promise<void> {
    await this.#objects.delete([names.headName(versionUid)]);
    if (folder !== '') await this.#objects.delete(await this.#namesOf(names.listPrefix(folder, versionUid)));
    await this.unmarkRemoved(versionUid);
  }

  async folders(): Promise<string[]> {
    const folders = new Set<string>();
    for (const prefix of [names.LISTS, names.LEAVES])
      for await (const name of this.#objects.list(prefix)) folders.add(names.folderOf(name));
    return [...folders];
  }

  async leafNames(folder: string): Promise<Set<string>> {
    const prefix = names.leafName(folder, '');
    return new Set((await this.#namesOf(prefix)).map((name) => name.slice(prefix.length)));
  }

  async collect(folder: string): Promise<number> {
    const unused = await unusedObjects(this, {
      lists: await this.#namesOf(`${names.LISTS}${folder}/`),
      leaves: await this.leafNames(folder),
      readNamed: async (name) => decodeList(name, await this.#readPresent({ kind: 'list', name })),
    });
    const leaves = unused.leaves.map((leaf) => names.leafName(folder, leaf));
    await this.#objects.delete(unused.lists);
    await this.#objects.delete(leaves);
    return unused.lists.length + leaves.length;
  }

  /** Old lists are no damage: without the right to delete, they stay until a cleanup that may. */
  async #deleteOtherLists(kept: string, prefix: string): Promise<void> {
    try {
      const old = (await this.#namesOf(prefix)).filter((name) => name !== kept);
      if (old.length > 0) await this.#objects.delete(old);
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
    }
  }

  async #namesOf(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const name of this.#objects.list(prefix)) found.push(name);
    return found;
  }

  async #readPresent(identity: ObjectIdentity, signal?: AbortSignal): Promise<Uint8Array> {
    const payload = await this.#read(identity, signal);
    if (payload === undefined) throw damagedObject(identity.name, 'is missing');
    return payload;
  }

  async #read(identity: ObjectIdentity, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#objects.get(identity.name, signal);
    } catch (error) {
      // Only this object can't be read: a bad sector.
      if (error instanceof BackyError && error.code === 'blobUnreadable')
        throw damagedObject(identity.name, 'can not be read', error);
      throw error;
    }
    return bytes === undefined ? undefined : unpack(bytes, identity, () => this.#keys.sealKey());
  }
}

function digestOf(payload: Uint8Array): string {
  return createHash('sha256').update(payload).digest('hex');
}
