import type { Client, ClientBase } from 'pg';

/**
 * Closes the socket of a PostgreSQL client at once; the driver's `end` would wait for the server.
 * Running queries reject.
 */
export function cutConnection(client: ClientBase): void {
  // The type of a pool's clients lacks the connection, but they have one from the start.
  (client as Client).connection.stream.destroy();
}
