import { type Calls, type Fault, isServer, type Place, type Point } from './fault-layer.ts';

/** A fault at a point. */
export interface Case extends Point {
  fault: Fault;
}

/** Families of faults at calls. */
export const FAMILIES = ['errno', 'short', 'hang', 'flip', 'kill'] as const;
export type Family = (typeof FAMILIES)[number];

const EIO: Fault = { name: 'EIO', action: '5' };
const EINVAL: Fault = { name: 'EINVAL', action: '22' };
const EMFILE: Fault = { name: 'EMFILE', action: '24' };
const ENOSPC: Fault = { name: 'ENOSPC', action: '28' };
const FULL: Fault = { name: 'ENOSPC from there on', action: '28', lasting: true };
const DEAD: Fault = { name: 'EIO from there on', action: '5', lasting: true };
const ENOLCK: Fault = { name: 'ENOLCK', action: '37' };
const EOPNOTSUPP: Fault = { name: 'EOPNOTSUPP', action: '95' };
const RESET: Fault = { name: 'connection reset', action: '104' };
const REFUSED: Fault = { name: 'connection refused', action: '111' };
const SHORT: Fault = { name: 'half of it', action: 'short' };
const END: Fault = { name: 'end of file', action: 'end' };
const HANG: Fault = { name: 'hang', action: 'hang' };
const FLIP: Fault = { name: 'a bit flipped', action: 'flip' };
/** Lasts from the first call on: such calls report success and do nothing. */
export const SKIPPED: Fault = { name: 'nothing', action: 'skip', lasting: true };
const KILL: Fault = { name: 'kill before', action: 'kill' };
const KILL_AFTER: Fault = { name: 'kill after', action: 'killafter' };

const ERRNOS: Record<string, readonly Fault[]> = {
  open: [EIO, EMFILE],
  create: [ENOSPC, EIO],
  read: [EIO, DEAD],
  write: [FULL, EIO],
  fsync: [EIO, DEAD],
  rename: [ENOSPC, EIO],
  link: [EIO],
  unlink: [EIO, DEAD],
  mkdir: [ENOSPC],
  truncate: [EIO],
  fallocate: [EOPNOTSUPP, ENOSPC],
  flock: [ENOLCK],
  lock: [EIO],
  unlock: [EIO, DEAD],
  list: [EIO],
};

/** Calls that change the stored data. A crash at any other call equals one at the next of these. */
const MUTATING = new Set(['create', 'write', 'fsync', 'rename', 'link', 'unlink', 'mkdir', 'truncate', 'fallocate']);

/** All cases of a family for an operation that makes these calls. */
export function casesOf(family: Family, calls: Calls): Case[] {
  return calls.flatMap(({ kind, place, count }) =>
    faultsAt(family, kind, place).flatMap((fault) =>
      Array.from({ length: count }, (_, index) => ({ kind, place, call: index + 1, fault })),
    ),
  );
}

/** A server that stays away is tested in test/services, which waits until the program gives up. */
const AT_SERVERS: Record<Family, Record<string, readonly Fault[]>> = {
  errno: { connect: [REFUSED], read: [RESET], write: [RESET] },
  short: { read: [SHORT, END], write: [SHORT] },
  hang: { read: [HANG], write: [HANG] },
  flip: {},
  kill: { write: [KILL, KILL_AFTER] },
};

function faultsAt(family: Family, kind: string, place: Place): readonly Fault[] {
  if (isServer(place)) return AT_SERVERS[family][kind] ?? [];
  if (family === 'errno') return [...(ERRNOS[kind] ?? []), ...(isOfBlob(kind, place) ? [EINVAL] : [])];
  if (family === 'short') {
    if (kind === 'write') return [SHORT];
    // A database file that ends early in one call but not in the next cannot exist.
    return kind !== 'read' ? [] : place === 'backy.sqlite' ? [SHORT] : [SHORT, END];
  }
  if (family === 'hang') return ['read', 'write', 'fsync', 'flock'].includes(kind) ? [HANG] : [];
  // A source's wrong bytes look like right ones; the database's are in corruption.test.ts.
  if (family === 'flip') return kind === 'read' && place === 'data' ? [FLIP] : [];
  if (!MUTATING.has(kind) || place === 'other' || place === 'locks/') return [];
  return [KILL, KILL_AFTER];
}

/** Some file systems allow direct I/O for a file, and refuse the first transfer with EINVAL. */
function isOfBlob(kind: string, place: Place): boolean {
  return (kind === 'write' && place === 'data/.tmp') || (kind === 'read' && place === 'data');
}

export function describeCase({ kind, place, call, fault }: Case): string {
  return `${fault.name} at ${kind} ${call} on ${place}`;
}
