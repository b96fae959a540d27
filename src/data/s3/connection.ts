import type { S3BackendOptions } from '../options.ts';
import { type AccessKey, placesOfKey, readAccessKey } from './access-key.ts';
import { makeClient } from './client.ts';
import { mayBeOldKey, type Place } from './refusals.ts';
import type { S3Client } from './sdk.ts';

/**
 * Requests to one bucket. When the server refuses a key that is in files, the files are read again:
 * keys are replaced while a backup runs for hours.
 */
export class Connection {
  readonly place: Place;
  readonly #options: S3BackendOptions;
  #key: AccessKey | undefined;
  #client: S3Client;

  /** @throws BackyError when the file of a key can't be read. */
  constructor(options: S3BackendOptions) {
    const { bucket, endpoint, region } = options;
    this.place = { bucket, endpoint: endpoint ?? `Amazon S3 (${region})`, key: placesOfKey(options) };
    this.#options = options;
    this.#key = readAccessKey(options);
    this.#client = makeClient(options, this.#key);
  }

  /** Makes a request; once more, if it was refused and there is another key by now. */
  async request<T>(send: (client: S3Client) => Promise<T>): Promise<T> {
    const client = this.#client;
    try {
      return await send(client);
    } catch (error) {
      if (!mayBeOldKey(error) || !this.#hasNewKey(client)) throw error;
      return send(this.#client);
    }
  }

  close(): void {
    this.#client.destroy();
  }

  /** Whether there is a newer key than the one of `used`. */
  #hasNewKey(used: S3Client): boolean {
    // Another request has found it.
    if (used !== this.#client) return true;
    const key = readAccessKey(this.#options);
    if (key?.accessKeyId === this.#key?.accessKeyId && key?.secretAccessKey === this.#key?.secretAccessKey) return false;
    this.#key = key;
    // With the connections of the old client, which others use at the moment.
    this.#client = makeClient(this.#options, key, used.config.requestHandler);
    return true;
  }
}
