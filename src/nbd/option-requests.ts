import { MAX_NAME_BYTES } from './numbers.ts';

/** Data of INFO and GO. */
export interface InfoRequest {
  name: string;
  infos: number[];
}

/** Data of LIST_META_CONTEXT and SET_META_CONTEXT. */
interface MetaContextRequest {
  name: string;
  queries: string[];
}

/** Parses the data of INFO and GO. Returns undefined if it is malformed. */
export function parseInfoRequest(data: Buffer): InfoRequest | undefined {
  const named = takeText(data, 0);
  if (named === undefined || data.length < named.end + 2) return undefined;
  const count = data.readUInt16BE(named.end);
  if (data.length !== named.end + 2 + count * 2) return undefined;
  return { name: named.text, infos: Array.from({ length: count }, (_, i) => data.readUInt16BE(named.end + 2 + i * 2)) };
}

/**
 * Parses the data of LIST_META_CONTEXT and SET_META_CONTEXT. Returns undefined if it is malformed.
 */
export function parseMetaContextRequest(data: Buffer): MetaContextRequest | undefined {
  const named = takeText(data, 0);
  if (named === undefined || data.length < named.end + 4) return undefined;
  const count = data.readUInt32BE(named.end);
  const queries: string[] = [];
  let at = named.end + 4;
  // A count that is too large ends at the first missing query.
  for (let i = 0; i < count; i++) {
    const query = takeText(data, at);
    if (query === undefined) return undefined;
    queries.push(query.text);
    at = query.end;
  }
  return at === data.length ? { name: named.text, queries } : undefined;
}

/** Reads a string with its length before it. `end` is the position after it. */
function takeText(data: Buffer, at: number): { text: string; end: number } | undefined {
  if (data.length < at + 4) return undefined;
  const length = data.readUInt32BE(at);
  const end = at + 4 + length;
  if (length > MAX_NAME_BYTES || end > data.length) return undefined;
  return { text: data.toString('utf8', at + 4, end), end };
}
