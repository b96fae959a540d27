import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { storeFolder } from '../support/old/golden-store.ts';
import { oldSchema, type RevisionName, type Row, writeDatabase } from '../support/old/old-database.ts';
import { callOf, type Recording, type Statement } from './recording.ts';
import { tableRows } from './table.ts';
import type { World } from './world.ts';

/** A release whose store the recorder had. */
export interface OldRelease {
  release: string;
  revision: RevisionName;
  /** Of its exports. */
  format: string;
  /** The call that opens its database first. */
  opened: number;
  /** The call that imports its first export. */
  imports: number;
  /** The call that lists the imported versions. */
  listed: number;
}

export const OLD_RELEASES: OldRelease[] = [
  { release: '2.9.5', revision: undefined, format: '2.1', opened: 1, imports: 31, listed: 33 },
  { release: '2.9.9', revision: '29c655b78818', format: '2.2', opened: 6, imports: 38, listed: 40 },
  { release: '2.9.18', revision: '29c655b78818', format: '2.2', opened: 11, imports: 45, listed: 48 },
  { release: '2.10.4', revision: 'cd3f15ae79f8', format: '2.10', opened: 16, imports: 55, listed: 58 },
  { release: '2.11.11', revision: '85966fcda5e6', format: '2.10', opened: 21, imports: 65, listed: 68 },
  { release: '2.12.6', revision: '30349b678801', format: '2.12', opened: 26, imports: 75, listed: 78 },
];

const BLOCK = 4096;

/** The folder of a release's store at the recorder, with `$LAB` as a folder of the world. */
function oldStore(release: string): string {
  return `$LAB/data/old-${release}`;
}

/**
 * Puts a release's store where the recorder had it: the real one if it was kept, else one rebuilt
 * from the recording.
 */
export function placeOldStore(world: World, recording: Recording, old: OldRelease): void {
  const folder = world.path(oldStore(old.release));
  const kept = storeFolder(`written-by-${old.release}`);
  if (existsSync(kept)) cpSync(kept, folder, { recursive: true });
  else makeOldStore(folder, recording, old);
  mkdirSync(world.path(`db-${old.release}`));
  copyFileSync(join(folder, 'backy.sqlite'), world.path(`db-${old.release}/backy.sqlite`));
  world.config(`${old.release}.cfg`, (text) => configFor(text, `db-${old.release}/backy.sqlite`, old.release));
}

/** A config like the recorder's, with another database and a release's blobs. */
export function configFor(text: string, database: string, release: string): string {
  return text.replace('sqlite:///backy.sqlite', `sqlite:///${database}`).replace('path: data', `path: ${oldStore(release)}/data`);
}

function makeOldStore(folder: string, recording: Recording, old: OldRelease): void {
  mkdirSync(join(folder, 'exports'), { recursive: true });
  cpSync(join(storeFolder('written-by-2.12.6'), 'src'), join(folder, 'src'), { recursive: true });
  const versions = tableRows(callOf(recording, old.listed).stdout);
  const blocks = importedBlocks(recording, old.listed).map((row) => {
    const name = versions.find(({ uid }) => uid === row.version_uid)?.name ?? '';
    const source = readFileSync(join(folder, 'src', `${name}.bin`));
    return withBytes(row, source.subarray(Number(row.id) * BLOCK, (Number(row.id) + 1) * BLOCK));
  });
  for (const { uid, bytes } of blocks) if (uid !== null) writeBlob(join(folder, 'data'), String(uid), bytes);
  const rows = blocks.map(({ bytes: _bytes, ...row }): Row => ({ ...row, date: `${dateOf(versions, row.version_uid)}.000000` }));
  const versionRows = versions.map((row): Row => ({ ...row, expire: null, date: `${row.date}.000000` }));
  writeDatabase(join(folder, 'backy.sqlite'), oldSchema(old.revision, 'created'), { versions: versionRows, blocks: rows });
  for (const version of versions) writeFileSync(join(folder, 'exports', `${version.uid}.csv`), exportText(old, version, rows));
}

/** The rows that the recorder found after its imports; `$n` of quoted columns is their text. */
function importedBlocks(recording: Recording, listed: number): Row[] {
  const at = recording.steps.indexOf(callOf(recording, listed));
  const { rows } = recording.steps[at + 1] as Statement;
  return rows.map(([version_uid = '', id = '', uid = '', , size = '', valid = '']): Row => {
    return {
      version_uid,
      id: Number(id),
      uid: uid === 'NULL' ? null : uid.replaceAll("'", ''),
      size: Number(size),
      valid: Number(valid),
      enc_version: 0,
    };
  });
}

function withBytes(row: Row, bytes: Buffer) {
  const checksum = row.uid === null ? null : createHash('sha512').update(bytes).digest('hex');
  return { ...row, uid: row.uid ?? null, version_uid: row.version_uid ?? null, checksum, bytes };
}

function writeBlob(data: string, uid: string, bytes: Buffer): void {
  const path = join(data, uid.slice(0, 2), uid.slice(2, 4), `${uid}.blob`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

function dateOf(versions: Record<string, string>[], uid: unknown): string {
  return versions.find((version) => version.uid === uid)?.date ?? '';
}

function exportText({ format }: OldRelease, version: Record<string, string>, blocks: readonly Row[]): string {
  const { uid, date, name, snapshot_name, size, size_bytes, valid } = version;
  const head = [uid, date, name, snapshot_name, size, size_bytes, valid, '0', ...(format === '2.10' ? [''] : [])];
  const own = blocks.filter((row) => row.version_uid === uid);
  const lines = own.map((row) => [row.uid, uid, row.id, date, row.checksum, row.size, row.valid]);
  const fields = [[`backy2 Version ${format} metadata dump`], head, ...lines];
  return fields.map((line) => `${line.map((field) => field ?? '').join(',')}\r\n`).join('');
}
