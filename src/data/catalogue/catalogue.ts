import type { ObjectStore } from '../object-store.ts';
import { KeyHolder } from './key-holder.ts';
import { StoredCatalogue } from './stored-catalogue.ts';
import type { CatalogueOptions, EncodedLeaf, LeafList, LeafPayload, LeafRow, ManifestHead } from './types.ts';

export type { CatalogueOptions, RecoveryKey, RecoverySource } from './types.ts';

/**
 * The catalogue of a data backend, read and written as its objects (docs/spec/formats.md §10).
 * Holds no lock and no state but the catalogue key. Objects that are damaged or missing are
 * BackyErrors `catalogueDamaged` that name them. Without the right key, each call that needs it is
 * a BackyError `encryption`; calls that take or give only uids, folders and times need none.
 */
export interface Catalogue {
  /** Whether new objects are sealed. */
  readonly isSealed: boolean;
  /**
   * The master key that rows have their data keys wrapped with, in hex: the configured one, or with
   * the recovery key alone a random one of this process. Undefined: no key is configured.
   */
  readonly rowKey: string | undefined;
  /**
   * Stores the catalogue key of a new catalogue, and a missing wrap by the recovery key. The first
   * put does so too. Two commands MUST NOT do it at once: hold a lock, and call it before any
   * folder or leaf is named.
   */
  prepare(): Promise<void>;
  /** Whether this instance made the catalogue key. */
  readonly hasNewKey: boolean;
  /** Why the configured recovery key could not be wrapped, once a put has tried. */
  readonly recoveryProblem: unknown;
  /**
   * Wraps the catalogue key with the configured master key instead of a lost one, if only the
   * recovery key opened it: for a database that was rebuilt with {@link rowKey}.
   */
  adoptMasterKey(): Promise<void>;
  /** The folder of an image name. */
  folderOf(name: string): string;
  /**
   * Encodes leaf `index`. `rows` are its blocks that have a row, in order. Wrapped data keys are
   * unwrapped with the master key. 2 µs a row.
   * @throws BackyError `encryption` for encrypted blocks if the catalogue is not sealed.
   */
  encodeLeaf(index: number, rows: readonly LeafRow[]): EncodedLeaf;
  /** The same for rows that are encoded already, with the master key. */
  nameLeaf(payload: LeafPayload): EncodedLeaf;
  putLeaves(folder: string, leaves: readonly EncodedLeaf[], signal?: AbortSignal): Promise<void>;
  /** The rows of a leaf; keys are wrapped with {@link rowKey} again. */
  readLeaf(folder: string, index: number, name: string, signal?: AbortSignal): Promise<LeafRow[]>;
  /** Writes list and head, then deletes older lists of the version. */
  putManifest(head: Omit<ManifestHead, 'list' | 'listDigest'>, list: LeafList, signal?: AbortSignal): Promise<void>;
  /** Writes the head alone, with the list that it had. */
  putHead(head: ManifestHead, signal?: AbortSignal): Promise<void>;
  /** Undefined: there is none. */
  readHead(versionUid: string, signal?: AbortSignal): Promise<ManifestHead | undefined>;
  readList(head: ManifestHead, signal?: AbortSignal): Promise<LeafList>;
  /** Uids of versions that have a head. */
  versionUids(): Promise<string[]>;
  /** Uids of versions whose removal is marked, with its Unix time. */
  removals(): Promise<Map<string, number>>;
  markRemoved(versionUid: string, unixTime: number): Promise<void>;
  unmarkRemoved(versionUid: string): Promise<void>;
  /** Deletes head, lists and marker of a version, in this order. `folder`: empty if not known. */
  deleteManifest(versionUid: string, folder: string): Promise<void>;
  /** All folders that have a list or a leaf. Lists all leaves. */
  folders(): Promise<string[]>;
  /** The leaves of a folder that are there. */
  leafNames(folder: string): Promise<Set<string>>;
  /**
   * Deletes the leaves of a folder that none of its lists names, and lists that no head names. The
   * caller keeps writers of the folder out.
   * @returns how many objects.
   * @throws BackyError with nothing deleted if a head or list can't be read.
   */
  collect(folder: string): Promise<number>;
}

/** Opens the catalogue: reads its key if one is configured. Changes nothing. */
export async function openCatalogue(objects: ObjectStore, options: CatalogueOptions): Promise<Catalogue> {
  return new StoredCatalogue(objects, await KeyHolder.open(objects, options));
}
