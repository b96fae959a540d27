import { ON_SERVERS } from './amount.ts';

/**
 * Reasons why tests are not part of the run on PostgreSQL and S3: they are about SQLite or files by
 * nature, or about nothing that is stored.
 */
const REASONS = {
  'blob folder':
    'damages the folder of the blobs: a bucket has none, and is there or not (test/services has what becomes of those)',
  'blob files': 'looks at the order of fsync, rename and rows: an object is durable and whole when the server says so',
  'file paths': 'writes paths of the blob folder and the SQLite file into a config file of its own',
  'database file': 'blocks the main thread in a call on the SQLite file; waits for a server never block it',
  'shape of rows': "looks at SQLite's types and its schema; PostgreSQL's are compared with the original's in test/services",
  'probe by length': 'is seen by looking at the length of a file, which costs nothing; S3 would need a request for each block',
  'hash functions': 'is done before any store is asked',
  'plan of a backup':
    'is about which blocks are read: rows of the base decide it, which both databases are held to return alike; properties and kill have hints on both',
  'client side':
    'is about what a client says and the program answers, which is the same whatever the blocks come from; what does depend on that stands beside it',
} as const;

/** Defines tests that make sense on SQLite and files alone; on servers they are not collected. */
export function filesOnly(reason: keyof typeof REASONS, define: () => void): void {
  if (!ON_SERVERS && REASONS[reason] !== undefined) define();
}
