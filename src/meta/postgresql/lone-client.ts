import type pg from 'pg';
import { toDatabaseError } from './database-errors.ts';
import { labelOf, parseEngineUrl } from './engine-url.ts';
import { PgClient } from './pg-client.ts';
import { clientConfig } from './session-pool.ts';
import { connectInAnyWay } from './tls.ts';

/** How messages call the database behind an engine URL: without the password. */
export function labelOfEngine(engine: string): string {
  return labelOf(parseEngineUrl(engine));
}

/**
 * Opens a connection outside of any pool that lasts until it is ended.
 * @param applicationName the name that others see.
 * @throws BackyError when the server is unreachable or refuses.
 */
export async function connectAlone(engine: string, applicationName: string): Promise<pg.Client> {
  const address = parseEngineUrl(engine);
  try {
    return await connectInAnyWay(address, async (encryption) => {
      const client = new PgClient({ ...clientConfig(address, encryption), application_name: applicationName });
      // The holder listens too.
      client.on('error', () => {});
      await client.connect();
      return client;
    });
  } catch (error) {
    throw toDatabaseError(labelOf(address), error);
  }
}
