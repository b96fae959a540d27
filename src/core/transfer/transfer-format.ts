import { isBlobUid } from '../../data/blob-uid.ts';
import { BackyError } from '../../errors.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import { fromStoredDate, toSecondsText } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';

/** Fields that a metadata format has beyond 2.1 (docs/spec/formats.md §5). */
interface TransferFormat {
  snapshotAndProtected: boolean;
  expire: boolean;
  encryption: boolean;
}

const FORMATS: Record<string, TransferFormat> = {
  'backy2 Version 2.1 metadata dump': { snapshotAndProtected: false, expire: false, encryption: false },
  'backy2 Version 2.2 metadata dump': { snapshotAndProtected: true, expire: false, encryption: false },
  'backy2 Version 2.10 metadata dump': { snapshotAndProtected: true, expire: true, encryption: false },
  'backy2 Version 2.12 metadata dump': { snapshotAndProtected: true, expire: true, encryption: true },
};

/** First line of every new export. */
export const NEWEST_FORMAT = 'backy2 Version 2.12 metadata dump';

/** Hint for a file that is not an export. */
export const NOT_AN_EXPORT = 'The file must be what "backy2 export" writes (metadata formats 2.1, 2.2, 2.10 and 2.12).';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HEX = /^(?:[0-9a-f]{2})*$/;

/** The version line of an export. */
export function versionFields(version: Version): (string | number)[] {
  return [
    version.uid,
    toSecondsText(version.date),
    version.name,
    version.snapshotName,
    version.size,
    version.sizeBytes,
    version.valid ? 1 : 0,
    version.protected ? 1 : 0,
    version.expire === null ? '' : toSecondsText(version.expire).slice(0, 10),
  ];
}

/** A block line of an export. */
export function blockFields(versionUid: string, row: DatedBlockRow): (string | number | null)[] {
  const { uid, id, date, checksum, size, valid, encVersion, envKey, nonce } = row;
  return [uid, versionUid, id, toSecondsText(date), checksum, size, valid ? 1 : 0, encVersion, envKey, nonce];
}

/**
 * Parses the lines of one export. Every method throws a BackyError `badImport` that names the line.
 */
export class TransferReader {
  readonly #format: TransferFormat;

  /** @param firstLine names the format. */
  constructor(firstLine: string) {
    const format = FORMATS[firstLine];
    if (format === undefined) {
      throw new BackyError('badImport', 'Wrong import format.', { hint: NOT_AN_EXPORT });
    }
    this.#format = format;
  }

  version(fields: readonly string[], line: number): Version {
    const { snapshotAndProtected, expire } = this.#format;
    expectCount(fields, 6 + (snapshotAndProtected ? 2 : 0) + (expire ? 1 : 0), line);
    const rest = [...fields];
    const take = () => rest.shift() ?? '';
    const uid = take();
    if (!UUID.test(uid)) throw bad(line, `"${uid}" is no version uid`);
    return {
      uid,
      date: dateOf(take(), line),
      name: take(),
      snapshotName: snapshotAndProtected ? take() : '',
      size: numberOf(take(), 'size', line),
      sizeBytes: numberOf(take(), 'size_bytes', line),
      valid: flagOf(take(), 'valid', line),
      protected: snapshotAndProtected ? flagOf(take(), 'protected', line) : false,
      expire: expire ? expireOf(take(), line) : null,
    };
  }

  block(fields: readonly string[], versionUid: string, line: number): DatedBlockRow {
    expectCount(fields, this.#format.encryption ? 10 : 7, line);
    const [
      uid = '',
      owner = '',
      id = '',
      date = '',
      checksum = '',
      size = '',
      valid = '',
      encVersion = '0',
      envKey = '',
      nonce = '',
    ] = fields;
    if (owner !== versionUid) throw bad(line, `the block belongs to version ${owner}, not to ${versionUid}`);
    if (uid !== '' && !isBlobUid(uid)) throw bad(line, `"${uid}" is no blob uid`);
    if (!HEX.test(checksum) || checksum.length > 128) throw bad(line, 'the checksum is not hex');
    if ((uid === '') !== (checksum === '')) throw bad(line, 'a block has a uid and a checksum, or neither');
    const enc = numberOf(encVersion, 'enc_version', line);
    if (enc > 1) throw bad(line, `enc_version ${enc} is unknown`);
    const seal = { envKey: envKey === '' ? null : envKey, nonce: nonce === '' || nonce === '\\x' ? null : nonce };
    if (!HEX.test(seal.envKey ?? '') || !HEX.test(seal.nonce ?? '')) throw bad(line, 'enc_envkey or enc_nonce is not hex');
    return {
      uid: uid === '' ? null : uid,
      id: numberOf(id, 'id', line),
      date: dateOf(date, line),
      checksum: checksum === '' ? null : checksum,
      size: numberOf(size, 'size', line),
      valid: flagOf(valid, 'valid', line),
      encVersion: enc,
      ...seal,
    };
  }
}

function expectCount(fields: readonly string[], count: number, line: number): void {
  if (fields.length !== count) throw bad(line, `there are ${fields.length} fields where the format has ${count}`);
}

function numberOf(text: string, name: string, line: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw bad(line, `${name} "${text}" is not a whole number`);
}

function flagOf(text: string, name: string, line: number): boolean {
  if (text === '1' || text === 'True') return true;
  if (text === '0' || text === 'False') return false;
  throw bad(line, `${name} "${text}" is neither 0 nor 1`);
}

function dateOf(text: string, line: number): Date {
  const date = fromStoredDate(text);
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) && toSecondsText(date) === text) return date;
  throw bad(line, `"${text}" is no date YYYY-MM-DD HH:MM:SS`);
}

function expireOf(text: string, line: number): Date | null {
  if (text === '') return null;
  const date = fromStoredDate(text);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && toSecondsText(date).startsWith(text)) return date;
  throw bad(line, `"${text}" is no date YYYY-MM-DD`);
}

/** Makes the error for a wrong line. Nothing has been changed at that point. */
export function bad(line: number, what: string): BackyError {
  return new BackyError('badImport', `Line ${line} of the import: ${excerpt(what)}. Nothing was imported.`, {
    hint: 'The file must be whole and as "backy2 export" wrote it.',
  });
}

const MAX_EXCERPT_CHARACTERS = 300;

/** Cuts a message that quotes a file to a readable length: a field may be as long as the file. */
export function excerpt(text: string): string {
  return text.length <= MAX_EXCERPT_CHARACTERS ? text : `${text.slice(0, MAX_EXCERPT_CHARACTERS)}…`;
}
