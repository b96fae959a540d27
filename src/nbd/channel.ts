import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { ClientFault } from './client-fault.ts';
import { encrypt } from './encrypt.ts';
import { Incoming } from './incoming.ts';

/** The connection to a client: plain, or encrypted once `secure` was called. */
export class Channel {
  #socket: Socket;
  #incoming: Incoming;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#incoming = new Incoming(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get incoming(): Incoming {
    return this.#incoming;
  }

  /**
   * Sends bytes and waits until the client has taken most of them, so that a client that reads
   * nothing uses no memory. Rejects with a ClientFault after `limitMs`.
   */
  async send(bytes: Buffer, limitMs: number): Promise<void> {
    const socket = this.#socket;
    if (socket.write(bytes) || socket.destroyed) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => () => {
        clearTimeout(timer);
        socket.off('drain', drained).off('close', drained);
        end();
      };
      const drained = settle(resolve);
      const timer = setTimeout(
        settle(() => reject(new ClientFault(`it read no answer for ${limitMs / 1000} s and had not opened an export.`))),
        limitMs,
      );
      socket.on('drain', drained).on('close', drained);
    });
  }

  /**
   * Sends the last reply without encryption, and starts TLS. Rejects with a ClientFault if that
   * fails.
   */
  async secure(reply: Buffer, tls: TlsOptions, limitMs: number): Promise<void> {
    // Somebody between client and server could have put it there.
    if (!this.#incoming.detach()) throw new ClientFault('it sent something without encryption after it had asked for TLS.');
    this.#socket = await encrypt(this.#socket, { reply, tls, limitMs });
    this.#incoming = new Incoming(this.#socket);
  }
}
