import type { Socket } from 'node:net';
import { BackyError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { NbdExports } from './disk.ts';
import { Incoming } from './incoming.ts';
import { type Agreement, Negotiation } from './negotiation.ts';
import { HANDSHAKE, MAX_OPTION_BYTES, NBD_MAGIC, OPTION_MAGIC } from './numbers.ts';
import { Transmission } from './transmission.ts';

/**
 * Clients that have not finished negotiation by then are disconnected, since connections are
 * limited.
 */
const NEGOTIATION_TIMEOUT_MS = 60_000;

/** Serves one client until it disconnects. Never rejects: failures are logged. */
export async function serveConnection(socket: Socket, exports: NbdExports, logger: Logger): Promise<void> {
  const incoming = new Incoming(socket);
  const timer = setTimeout(() => socket.destroy(), NEGOTIATION_TIMEOUT_MS);
  let agreement: Agreement | undefined;
  let isClean = false;
  try {
    agreement = await negotiate(socket, incoming, exports);
    clearTimeout(timer);
    if (agreement === undefined) return;
    logger.info(`A client opened ${agreement.name === '' ? 'the default export' : agreement.name}.`);
    const end = await new Transmission(socket, incoming, agreement).run();
    isClean = end === 'disconnect';
    if (end === 'malformed') logger.warning('A client was disconnected: it sent something that is not an NBD request.');
  } catch (error) {
    logger.error(`A client was disconnected: ${messageOf(error)}`);
    if (!(error instanceof BackyError)) logger.debug(error instanceof Error ? (error.stack ?? '') : String(error));
  } finally {
    clearTimeout(timer);
    // Sends what is still buffered first.
    socket.destroySoon();
    await agreement?.disk.close(isClean).catch((error: unknown) => logger.error(messageOf(error)));
  }
}

/** Returns undefined if the client disconnected or does not speak the protocol. */
async function negotiate(socket: Socket, incoming: Incoming, exports: NbdExports): Promise<Agreement | undefined> {
  socket.write(greeting());
  const flags = (await incoming.take(4))?.readUInt32BE(0);
  if (flags === undefined || (flags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) return undefined;
  const negotiation = new Negotiation(exports, (flags & HANDSHAKE.noZeroes) !== 0, (reply) => socket.write(reply));
  for (;;) {
    const head = await incoming.take(16);
    if (head === undefined || head.readBigUInt64BE(0) !== OPTION_MAGIC) return undefined;
    const length = head.readUInt32BE(12);
    const data = length > MAX_OPTION_BYTES ? undefined : await incoming.take(length);
    if (data === undefined) return undefined;
    const outcome = await negotiation.option(head.readUInt32BE(8), data);
    if (outcome.next === 'end') return undefined;
    if (outcome.next === 'transmission') return outcome.agreement;
  }
}

function greeting(): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeBigUInt64BE(NBD_MAGIC, 0);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8);
  bytes.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
  return bytes;
}
