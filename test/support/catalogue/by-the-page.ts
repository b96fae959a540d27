import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { Zstd } from '../../../src/native/libzstd.ts';

/**
 * Reads objects of a catalogue by docs/spec/formats.md §10 alone, so that the page stays true. Only
 * zstd is the program's.
 */

const sha256 = (...parts: (Uint8Array | string)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** The keys of an encrypted catalogue. */
export interface PageKeys {
  folders: Uint8Array;
  leaves: Uint8Array;
  seal: Uint8Array;
}

/** The three keys, by the wrap of the master key in `keys`. */
export function keysOf(object: Buffer, masterKey: Buffer): PageKeys {
  const [json = '', digest, end] = object.toString('utf8').split('\n');
  if (end !== '' || sha256(json).toString('hex') !== digest) throw new Error('a wrong digest of keys');
  const { format, wraps } = JSON.parse(json) as { format: number; wraps: { by: string; fingerprint: string; wrapped: string }[] };
  const wrap = wraps.find(({ by }) => by === 'master');
  if (format !== 1 || wrap === undefined) throw new Error('no wrap by the master key');
  if (wrap.fingerprint !== sha256('backy2-key-fingerprint', masterKey).toString('hex').slice(0, 16))
    throw new Error('fingerprint');
  const unwrap = createDecipheriv('id-aes256-wrap', masterKey, Buffer.alloc(8, 0xa6));
  const key = Buffer.concat([unwrap.update(Buffer.from(wrap.wrapped, 'hex')), unwrap.final()]);
  const derived = (use: string) => new Uint8Array(hkdfSync('sha256', key, '', `backy2-catalogue-${use}`, 32));
  return { folders: derived('folders'), leaves: derived('leaves'), seal: derived('seal') };
}

/** Fingerprint and wrapped key of the first wrap, as the name of its copy has them. */
export function wrapIn(object: Buffer): string {
  const [{ fingerprint, wrapped }] = JSON.parse(object.toString('utf8').split('\n')[0] ?? '').wraps;
  return `${fingerprint}-${wrapped}`;
}

/** The name of a folder or leaf. */
export function digestName(content: Uint8Array | string, key: Uint8Array | undefined): string {
  const digest = key === undefined ? sha256(content) : createHmac('sha256', key).update(content).digest();
  return digest.toString('hex').slice(0, 32);
}

/** The payload of a container. */
export function payloadOf(object: Buffer, kind: 1 | 2 | 3, name: string, seal: Uint8Array | undefined): Buffer {
  const flags = object.readUInt8(6);
  const wanted = Buffer.from([0x42, 0x59, 0x32, 0x43, 1, kind, flags, 255 - flags]);
  if (!object.subarray(0, 8).equals(wanted)) throw new Error('a wrong header');
  const header = object.subarray(0, 12);
  let rest = object.subarray(44);
  if ((flags & 1) === 0) {
    if (!sha256(header, name, rest).equals(object.subarray(12, 44))) throw new Error('a wrong digest');
  } else {
    const decipher = createDecipheriv('aes-256-gcm', seal ?? Buffer.alloc(0), object.subarray(12, 24));
    decipher.setAuthTag(object.subarray(24, 40)).setAAD(Buffer.concat([header, Buffer.from(name)]));
    rest = Buffer.concat([decipher.update(object.subarray(40)), decipher.final()]);
  }
  const length = object.readUInt32BE(8);
  if ((flags & 2) === 0) return rest.subarray(0, length);
  const payload = Buffer.alloc(length);
  const problem = new Zstd(1).decompress(rest, payload);
  if (problem !== undefined) throw new Error(problem);
  return payload;
}

/** A row as the page describes it. */
export interface PageRow {
  place: number;
  uid: string | null;
  checksum: string | null;
  size: number;
  encVersion: number;
  /** The data key in plain, or the text of the database. */
  key: string | null;
  nonce: string | null;
  valid: boolean;
}

/** The rows of a leaf. */
export function rowsOf(payload: Buffer): PageRow[] {
  const [n, d, s] = [payload.readUInt16BE(0), payload.readUInt16BE(2), payload.readUInt32BE(4)];
  const classes = [...payload.subarray(8, 8 + n)];
  let at = 8 + n;
  const column = (bit: number, bytes: number, encoding: 'hex' | 'latin1') => {
    const texts = classes.map((given) => {
      if (given === 128 || (given & bit) === 0) return null;
      at += bytes;
      return payload.toString(encoding, at - bytes, at);
    });
    return (place: number) => texts[place] ?? null;
  };
  const [prefix, letters, checksum] = [column(2, 5, 'hex'), column(2, 22, 'latin1'), column(2, d, 'hex')];
  const [key, nonce] = [column(4, 32, 'hex'), column(8, 16, 'hex')];
  const odd: unknown[][] = at === payload.length ? [] : JSON.parse(payload.toString('utf8', at));
  return classes.flatMap((given, place) => {
    if (given === 0) return [];
    if (given === 128) {
      const [uid, checksum, size, encVersion, key, nonce, valid] = odd.shift() ?? [];
      return [{ place, uid, checksum, size, encVersion, key, nonce, valid } as PageRow];
    }
    const uid = (given & 2) === 0 ? null : `${prefix(place)}${letters(place)}`;
    const encVersion = (given & 4) === 0 ? 0 : 1;
    const empty = (given & 32) === 0 ? null : '';
    const row = { uid, checksum: checksum(place), size: s, encVersion, key: key(place) ?? empty, nonce: nonce(place) };
    return [{ place, ...row, valid: (given & 16) === 0 }];
  });
}
