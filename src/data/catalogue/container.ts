import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { compressBound, Zstd } from '../../native/libzstd.ts';
import { once } from '../../native/once.ts';
import { damagedObject } from './damage.ts';

/** Kinds of objects in a container (docs/spec/formats.md §10). */
const KINDS = { head: 1, list: 2, leaf: 3 } as const;

/**
 * A kind and an object's name: sealed or digested with the content, so that none can be swapped.
 */
export interface ObjectIdentity {
  kind: keyof typeof KINDS;
  name: string;
}

const MAGIC = 'BY2C';
const FORMAT = 1;
const SEALED = 1;
const COMPRESSED = 2;
/** Magic, format, kind, flags, their complement, and the payload's length in 4 bytes. */
const HEADER_BYTES = 12;
const DIGEST_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/**
 * More bytes than any payload of a kind has: nothing larger is allocated because a header says so.
 * Several leaves are read at once, and a list has 16 bytes for 500 blocks.
 */
const MOST_BYTES = { head: 64 * 1024 * 1024, list: 512 * 1024 * 1024, leaf: 16 * 1024 * 1024 } as const;

/** Packs a payload. @param sealKey undefined: it is not encrypted. */
export function pack(payload: Uint8Array, { kind, name }: ObjectIdentity, sealKey: Uint8Array | undefined): Buffer {
  const body = compress(payload);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header[4] = FORMAT;
  header[5] = KINDS[kind];
  header[6] = (sealKey === undefined ? 0 : SEALED) | (body === payload ? 0 : COMPRESSED);
  // Without it, a flipped bit would ask for a key, or for none.
  header[7] = ~(header[6] ?? 0);
  header.writeUInt32BE(payload.length, 8);
  if (sealKey === undefined) return Buffer.concat([header, digestOf(header, name, body), body]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, sealKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([header, Buffer.from(name)]));
  const sealed = cipher.update(body);
  cipher.final();
  return Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]);
}

/**
 * The payload of a container.
 * @throws BackyError `catalogueDamaged` if any bit is not as it was written, or it was written
 * under another name.
 * @param sealKey is asked for only if it is sealed, and throws if there is none.
 */
export function unpack(object: Uint8Array, identity: ObjectIdentity, sealKey: () => Uint8Array): Uint8Array {
  const { kind, name } = identity;
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.length);
  const header = bytes.subarray(0, HEADER_BYTES);
  const [format = 0, kindByte = 0, flags = 0, complement = 0] = header.subarray(4);
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 4) !== MAGIC) throw damagedObject(name, 'is none');
  if (format !== FORMAT) throw damagedObject(name, `has format ${format}, which this release does not know`);
  if (kindByte !== KINDS[kind] || (flags ^ complement) !== 0xff || (flags & ~(SEALED | COMPRESSED)) !== 0)
    throw damagedObject(name, 'is damaged');
  const isSealed = (flags & SEALED) !== 0;
  const body = isSealed ? opened(bytes, name, sealKey()) : checked(bytes, name);
  return decompress(body, {
    name,
    length: header.readUInt32BE(8),
    isCompressed: (flags & COMPRESSED) !== 0,
    most: MOST_BYTES[kind],
  });
}

function checked(bytes: Buffer, name: string): Buffer {
  const body = bytes.subarray(HEADER_BYTES + DIGEST_BYTES);
  const digest = bytes.subarray(HEADER_BYTES, HEADER_BYTES + DIGEST_BYTES);
  if (!digestOf(bytes.subarray(0, HEADER_BYTES), name, body).equals(digest))
    throw damagedObject(name, 'is damaged: its digest is another one');
  return body;
}

function opened(bytes: Buffer, name: string, sealKey: Uint8Array): Buffer {
  const start = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
  if (bytes.length < start) throw damagedObject(name, 'is damaged: it is cut');
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, sealKey, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(HEADER_BYTES + NONCE_BYTES, start));
  decipher.setAAD(Buffer.concat([bytes.subarray(0, HEADER_BYTES), Buffer.from(name)]));
  const body = decipher.update(bytes.subarray(start));
  try {
    decipher.final();
  } catch (error) {
    // In GCM it does nothing but compare the tags.
    throw damagedObject(name, 'is damaged, or was sealed with another key: authentication failed', error);
  }
  return body;
}

function digestOf(header: Uint8Array, name: string, body: Uint8Array): Buffer {
  return createHash('sha256').update(header).update(name).update(body).digest();
}

/** The one of this thread. */
const zstd = once(() => new Zstd(1));

/** Without libzstd, which only encryption needs, payloads stay as they are. */
const compressor = once((): { library: Zstd | undefined } => {
  try {
    return { library: zstd() };
  } catch {
    return { library: undefined };
  }
});

/** @returns `payload` itself if it does not become shorter. */
function compress(payload: Uint8Array): Uint8Array {
  const { library } = compressor();
  if (library === undefined) return payload;
  const into = Buffer.allocUnsafe(compressBound(payload.length));
  const length = library.compress(payload, into);
  return length < payload.length ? into.subarray(0, length) : payload;
}

function decompress(
  body: Uint8Array,
  { name, length, isCompressed, most }: { name: string; length: number; isCompressed: boolean; most: number },
): Uint8Array {
  if (!isCompressed && body.length !== length) throw damagedObject(name, `is damaged: ${body.length} of ${length} bytes`);
  if (!isCompressed) return body;
  if (length > most) throw damagedObject(name, `is damaged: it would have ${length} bytes`);
  const payload = Buffer.allocUnsafe(length);
  const problem = zstd().decompress(body, payload);
  if (problem !== undefined) throw damagedObject(name, `is damaged: ${problem}`);
  return payload;
}
