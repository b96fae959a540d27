import Database from 'better-sqlite3';

/** Bytes of a database's pages in use, those of the WAL too. @param {string} path */
export function usedBytes(path) {
  const db = new Database(path, { readonly: true });
  const number = (/** @type {string} */ pragma) => Number(db.pragma(pragma, { simple: true }));
  const bytes = (number('page_count') - number('freelist_count')) * number('page_size');
  db.close();
  return bytes;
}
