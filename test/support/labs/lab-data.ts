import type { VersionRecord } from '../../../src/meta/sql/rows.ts';
import { compactBlocks, isCompact } from '../stores/compact-blocks.ts';
import { FileStore } from '../stores/file-store.ts';
import type { LabStore, SqlValue } from '../stores/lab-store.ts';

/** A row of table versions. */
export type VersionRow = VersionRecord;

/** A row of table blocks: the columns that tests look at. */
export interface BlockRow {
  version_uid: string;
  id: number;
  uid: string | null;
  checksum: string | null;
  size: number;
  valid: number;
}

/** A stored blob, read and changed without the program. */
export interface StoredBlob {
  uid: string;
  /** The stored bytes. */
  read(): Buffer;
  write(bytes: Uint8Array): void;
  remove(): void;
}

/** The rows and blobs of a store, read and changed without the program. */
export class LabData {
  readonly store: LabStore;

  constructor(store: LabStore) {
    this.store = store;
  }

  /** The folder of the blobs, if the store has one. */
  get dataPath(): string {
    return this.#files.dataPath;
  }

  /** The SQLite file, if the store has one. */
  get databasePath(): string {
    return this.#files.databasePath;
  }

  /** Runs a query, with `?` for values; the program may have the database open. */
  query<T>(sql: string, ...values: SqlValue[]): T[] {
    return this.store.query<T>(sql, values);
  }

  /** Changes the database behind the program's back. */
  sql(statement: string, ...values: SqlValue[]): void {
    this.store.execute(statement, values);
  }

  /** Makes a version, or all of them, older. */
  age(by: { days?: number; hours?: number }, uid?: string): void {
    const milliseconds = ((by.days ?? 0) * 24 + (by.hours ?? 0)) * 3_600_000;
    for (const version of uid === undefined ? this.versions() : [this.version(uid)]) {
      const then = new Date(Date.parse(`${version.date.slice(0, 23).replace(' ', 'T')}Z`) - milliseconds);
      const date = then.toISOString().replace('T', ' ').replace('Z', version.date.slice(23));
      this.sql('UPDATE versions SET date = ? WHERE uid = ?', date, version.uid);
    }
  }

  versions(): VersionRow[] {
    return this.query<VersionRow>('SELECT * FROM versions ORDER BY date, uid');
  }

  version(uid: string): VersionRow {
    const [row] = this.query<VersionRow>('SELECT * FROM versions WHERE uid = ?', uid);
    if (row === undefined) throw new Error(`there is no version ${uid}`);
    return row;
  }

  tags(uid: string): string[] {
    return this.query<{ name: string }>('SELECT name FROM tags WHERE version_uid = ? ORDER BY name', uid).map(({ name }) => name);
  }

  /** Block rows of a version, in order; of all versions without a uid. In both layouts. */
  blocks(uid?: string): BlockRow[] {
    if (isCompact(this.store)) {
      const blocks = compactBlocks(this.store).filter(({ version_uid }) => uid === undefined || version_uid === uid);
      return blocks.map(({ enc_version: _, ...block }) => block);
    }
    const columns = "version_uid, id, nullif(uid, '') AS uid, checksum, size, valid";
    if (uid === undefined) return this.query<BlockRow>(`SELECT ${columns} FROM blocks ORDER BY version_uid, id`);
    return this.query<BlockRow>(`SELECT ${columns} FROM blocks WHERE version_uid = ? ORDER BY id`, uid);
  }

  /**
   * All rows of the database, for comparing before and after. In the compact layout, blocks are as
   * {@link blocks} reads them, and `deleted_blocks` has the candidates.
   */
  dump(): Record<string, unknown[]> {
    const { store } = this;
    const rowsOf = (tables: string[]) => Object.fromEntries(tables.map((table) => [table, store.rows(table)]));
    if (!isCompact(store)) return rowsOf(['versions', 'blocks', 'tags', 'deleted_blocks', 'stats']);
    return { ...rowsOf(['versions', 'tags', 'stats']), blocks: compactBlocks(store), deleted_blocks: this.candidates() };
  }

  /** The rows of blobs that may be deleted. */
  candidates(): { time: number }[] {
    if (!isCompact(this.store)) return this.query('SELECT * FROM deleted_blocks ORDER BY id');
    return this.query('SELECT * FROM backy2_candidates ORDER BY blob');
  }

  /** Whether all blobs are plain blocks, so that a test can read them itself. */
  isPlain(): boolean {
    if (isCompact(this.store)) return compactBlocks(this.store).every(({ enc_version }) => enc_version === 0);
    return this.query('SELECT 1 FROM blocks WHERE enc_version <> 0 LIMIT 1').length === 0;
  }

  /** The blob of a block. */
  blobAt(versionUid: string, blockId: number): StoredBlob {
    const uid = this.blocks(versionUid)[blockId]?.uid;
    if (uid === undefined || uid === null) throw new Error(`block ${blockId} of ${versionUid} has no blob`);
    return this.blob(uid);
  }

  blob(uid: string): StoredBlob {
    const { store } = this;
    const read = () => {
      const bytes = store.readBlobs([uid]).get(uid);
      if (bytes === undefined) throw new Error(`there is no blob ${uid}`);
      return bytes;
    };
    return { uid, read, write: (bytes) => store.writeBlob(uid, bytes), remove: () => store.removeBlob(uid) };
  }

  /** The file of a blob, if the store has files. */
  blobPath(uid: string): string {
    return this.#files.blobPath(uid);
  }

  /** The file of a block's blob, if the store has files. */
  blobOf(versionUid: string, blockId: number): string {
    return this.blobPath(this.blobAt(versionUid, blockId).uid);
  }

  /** Uids of all stored blobs, sorted. */
  blobs(): string[] {
    return this.store.blobs();
  }

  /** Blobs that were never finished. */
  temporaryBlobs(): string[] {
    return this.store.temporaryBlobs();
  }

  get #files(): FileStore {
    if (!(this.store instanceof FileStore))
      throw new Error('this test needs SQLite and files: see test/support/stores/files-only.ts');
    return this.store;
  }
}
