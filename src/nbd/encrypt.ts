import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { messageOf } from '../errors.ts';
import { ClientFault } from './client-fault.ts';

/** How to start TLS. */
interface EncryptOptions {
  /** Sent before, without encryption. */
  reply: Buffer;
  tls: TlsOptions;
  limitMs: number;
}

/**
 * Starts TLS on a socket that nobody reads from. Rejects with a ClientFault if the client can't do
 * it, or has no right to.
 */
export function encrypt(socket: Socket, { reply, tls, limitMs }: EncryptOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new ClientFault(`no TLS connection: ${why}`));
    };
    const timer = setTimeout(() => fail(`the client did not finish the handshake in ${limitMs / 1000} s.`), limitMs);
    // It never listens. One per connection: its events are about this client.
    const server = createServer({ ...tls, handshakeTimeout: 2 * limitMs });
    server.on('tlsClientError', (error: Error & { reason?: string }) => fail(`${error.reason ?? messageOf(error)}.`));
    server.on('secureConnection', (secured) => {
      if (tls.requestCert === true && !secured.authorized) {
        fail(`the client has no certificate of the CA (${secured.authorizationError}).`);
        return;
      }
      clearTimeout(timer);
      // Without a listener the error would end the program. Reads and writes fail with it anyway.
      secured.on('error', () => {});
      resolve(secured);
    });
    socket.once('close', () => fail('the client disconnected.'));
    // Written in full first: the rest of the socket belongs to TLS.
    socket.write(reply, () => server.emit('connection', socket));
  });
}
