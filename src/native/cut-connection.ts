import type { Client, ClientBase } from 'pg';

/**
 * Closes the socket of a PostgreSQL client at once, whatever the server does: the driver's own `end` waits for its answer. What is running rejects.
 */
export function cutConnection(client: ClientBase): void {
  // Those of a pool are declared by what they share with clients of other kinds; these have a connection from the start.
  (client as Client).connection.stream.destroy();
}
