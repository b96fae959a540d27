import { messageOf } from '../../errors.ts';
import type { DeleteOutcome } from '../data-backend.ts';
import type { Connection } from './connection.ts';
import { isMissingKey, nameFailure } from './failures.ts';
import { isDenied, lacksRequest } from './refusals.ts';
import { DeleteObjectCommand, DeleteObjectsCommand } from './sdk.ts';

const WHAT = 'Cannot delete blobs';
/** The protocol's limit of keys for one request. */
const MOST_KEYS = 1000;
/** Requests at once to a server that deletes only single objects. */
const SINGLES_AT_ONCE = 16;

/** Deletes objects of one bucket: many with one request, if the server can. */
export class ObjectDeletion {
  readonly #connection: Connection;
  /** Some servers have no DeleteObjects, Google's for example. */
  #onlySingles = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async delete(keys: readonly string[]): Promise<DeleteOutcome> {
    const outcome: DeleteOutcome = { deleted: [], failed: [] };
    for (let start = 0; start < keys.length; start += MOST_KEYS) {
      const { deleted, failed } = await this.#deletePage(keys.slice(start, start + MOST_KEYS));
      outcome.deleted.push(...deleted);
      outcome.failed.push(...failed);
    }
    return outcome;
  }

  /** @param keys at most {@link MOST_KEYS}. */
  async #deletePage(keys: readonly string[]): Promise<DeleteOutcome> {
    if (this.#onlySingles) return this.#deleteEach(keys);
    try {
      return await this.#deleteTogether(keys);
    } catch (error) {
      if (!lacksRequest(error)) throw nameFailure(WHAT, error, { place: this.#connection.place });
    }
    const outcome = await this.#deleteEach(keys);
    this.#onlySingles = true;
    return outcome;
  }

  async #deleteTogether(keys: readonly string[]): Promise<DeleteOutcome> {
    const command = new DeleteObjectsCommand({
      Bucket: this.#connection.place.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })) },
    });
    const { Deleted = [], Errors = [] } = await this.#connection.request((client) => client.send(command));
    const gone = new Set(Deleted.map(({ Key }) => Key));
    for (const { Key, Code } of Errors) if (Code === 'NoSuchKey') gone.add(Key);
    const reasons = new Map(Errors.map(({ Key, Code, Message }) => [Key, [Code, Message].filter(Boolean).join(': ')]));
    return {
      deleted: keys.filter((key) => gone.has(key)),
      // A key that the answer does not mention counts as still there.
      failed: keys
        .filter((key) => !gone.has(key))
        .map((uid) => ({ uid, reason: reasons.get(uid) || 'the server does not say that it is gone' })),
    };
  }

  /** A denied object does not keep the others; any other failure concerns all of them. */
  async #deleteEach(keys: readonly string[]): Promise<DeleteOutcome> {
    const outcome: DeleteOutcome = { deleted: [], failed: [] };
    const failures: unknown[] = [];
    const left = keys.values();
    const runLane = async () => {
      for (const key of left) {
        if (failures.length > 0) return;
        const failure = await this.#deleteOne(key);
        if (failure === undefined) outcome.deleted.push(key);
        else if (failure.isOwn) outcome.failed.push({ uid: key, reason: messageOf(failure.error) });
        else failures.push(failure.error);
      }
    };
    await Promise.all(Array.from({ length: SINGLES_AT_ONCE }, runLane));
    if (failures.length > 0) throw failures[0];
    return outcome;
  }

  /** @returns why it failed; `isOwn`: other objects may be deleted nevertheless. */
  async #deleteOne(key: string): Promise<{ error: unknown; isOwn: boolean } | undefined> {
    const { place } = this.#connection;
    try {
      const command = new DeleteObjectCommand({ Bucket: place.bucket, Key: key });
      await this.#connection.request((client) => client.send(command));
      return undefined;
    } catch (error) {
      if (isMissingKey(error)) return undefined;
      return { error: nameFailure(WHAT, error, { place }), isOwn: isDenied(error) };
    }
  }
}
