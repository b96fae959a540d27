import type { LabStore } from './lab-store.ts';

/** A block of a version as table `blocks` of the classic layout has it. */
export interface CompactBlock {
  version_uid: string;
  id: number;
  uid: string | null;
  /** Hex. */
  checksum: string | null;
  size: number;
  valid: number;
  enc_version: number;
}

/** A reference to a leaf with its bytes, or a blob's row. */
interface Found {
  version_uid: string | null;
  idx: number | null;
  size_bytes: number | null;
  block_size: number | null;
  data: Uint8Array | null;
  blob: number | null;
  uid: string | null;
  size: number | null;
  valid: number | null;
  enc_version: number | null;
}

const LEAF_BLOCKS = 1000;
const HEADER_BYTES = 6;
const EXTENTS = 16;
const REPEATED = 0x8000;

/** One statement, so that it sees one state of the database while others write. */
const QUERY = `SELECT version_uid, idx, size_bytes, block_size, data,
    NULL AS blob, NULL AS uid, NULL AS size, NULL AS valid, NULL AS enc_version
  FROM backy2_map_leaves JOIN backy2_maps ON backy2_maps.id = map JOIN versions ON versions.uid = version_uid
    JOIN backy2_leaves ON backy2_leaves.id = leaf
  UNION ALL SELECT NULL, NULL, NULL, NULL, checksum, id, uid, size, valid, enc_version FROM backy2_blobs`;

/** Whether a store's database is there and has the compact layout. */
export function isCompact(store: LabStore): boolean {
  try {
    const [row] = store.query<{ version_num: string }>('SELECT version_num FROM alembic_version', []);
    return row?.version_num.startsWith('backy2-compact') ?? false;
  } catch {
    return false;
  }
}

/**
 * All blocks of all versions of a compact database, in order, read without the program: by
 * docs/spec/formats.md §9 alone.
 * @throws Error for a block whose blob has no row.
 */
export function compactBlocks(store: LabStore): CompactBlock[] {
  const found = store.query<Found>(QUERY, []);
  const blobs = new Map(found.flatMap((row) => (row.blob === null ? [] : [[row.blob, row] as const])));
  const blocks = found.filter(({ blob }) => blob === null).flatMap((leaf) => blocksOf(leaf, blobs));
  return blocks.sort((a, b) => (a.version_uid === b.version_uid ? a.id - b.id : a.version_uid < b.version_uid ? -1 : 1));
}

function blocksOf({ version_uid, idx, size_bytes, block_size, data }: Found, blobs: ReadonlyMap<number, Found>): CompactBlock[] {
  return [...valuesOf(Buffer.from(data ?? []))].map(([place, number]) => {
    const block = { version_uid: version_uid ?? '', id: (idx ?? 0) * LEAF_BLOCKS + place };
    const length = Math.min(block_size ?? 0, (size_bytes ?? 0) - block.id * (block_size ?? 0));
    if (number === 0) return { ...block, uid: null, checksum: null, size: length, valid: 1, enc_version: 0 };
    const blob = blobs.get(number);
    if (blob === undefined) throw new Error(`block ${block.id} of ${version_uid} names blob ${number}, which has no row`);
    const { uid, size, valid, enc_version, data: sum } = blob;
    const checksum = sum === null ? null : Buffer.from(sum).toString('hex');
    return { ...block, uid: uid || null, checksum, size: size ?? 0, valid: valid ?? 0, enc_version: enc_version ?? 0 };
  });
}

/** The blocks of a leaf that are not missing, by their place: the blob, 0 for a zero block. */
function valuesOf(data: Buffer): Map<number, number> {
  const form = data.readUInt8(0);
  const width = form & ~EXTENTS;
  const base = data.readUIntBE(1, 5);
  const values = new Map<number, number>();
  const set = (place: number, value: number) => {
    if (value !== 2 ** (8 * width) - 1) values.set(place, value === 0 ? 0 : base + value);
  };
  const valueAt = (at: number) => data.readUIntBE(at, width);
  const isPlain = form === width;
  for (let at = HEADER_BYTES; at < data.length; at += isPlain ? width : width + 2) {
    if (isPlain) {
      set((at - HEADER_BYTES) / width, valueAt(at));
      continue;
    }
    const place = data.readUInt16BE(at);
    const first = place & ~REPEATED;
    const next = at + width + 2;
    const end = next < data.length ? data.readUInt16BE(next) & ~REPEATED : LEAF_BLOCKS;
    for (let i = first; i < end; i++) set(i, valueAt(at + 2) + (place & REPEATED ? 0 : i - first));
  }
  return values;
}
