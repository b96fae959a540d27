import type { ClientBase } from 'pg';

/**
 * Closes the socket of a PostgreSQL client at once, whatever the server does: the driver's own `end` waits for its answer. What is running rejects.
 * A client that never connected is left as it is.
 */
export function cutConnection(client: ClientBase): void {
  // The driver declares nothing of it.
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}
