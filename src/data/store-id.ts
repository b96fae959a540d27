import { createHash, randomUUID } from 'node:crypto';

/**
 * The id of a store: a UUID in the database and in the data backend. A folder that is not mounted,
 * another path or another bucket is noticed before anything is stored, marked or deleted.
 */
const STORE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Makes an id for a new store. */
export function newStoreId(): string {
  return randomUUID();
}

/** Whether a text has the form that {@link newStoreId} makes. */
export function isStoreId(text: string): boolean {
  return STORE_ID.test(text);
}

/**
 * The text of a file for an id: the id and its digest, so that damage does not look like another
 * store.
 */
export function toStoreFile(id: string): string {
  return `${id} ${digestOf(id)}\n`;
}

/** The inverse of {@link toStoreFile}; undefined when the text is damaged. */
export function fromStoreFile(text: string): string | undefined {
  const [id = '', digest] = text.trimEnd().split(' ');
  return isStoreId(id) && digest === digestOf(id) ? id : undefined;
}

function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
