import pg from 'pg';
import { cutConnection } from '../../native/cut-connection.ts';

/**
 * A client whose socket closes as soon as its connection fails. The driver leaves that to the
 * server, which waits a minute for a missing password.
 */
export class PgClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.connection.once('error', () => cutConnection(this));
  }
}
