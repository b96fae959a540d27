import type { Socket } from 'node:net';
import { BackyError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { NbdExports } from './disk.ts';
import { Incoming } from './incoming.ts';
import { type Agreement, Negotiation } from './negotiation.ts';
import { HANDSHAKE, MAX_OPTION_BYTES, NBD_MAGIC, OPTION_MAGIC } from './numbers.ts';
import { Transmission } from './transmission.ts';

/** Who has not come to an agreement by then is cut off: connections are few. */
const NEGOTIATION_LIMIT_MS = 60_000;

/** Serves one client from its first byte to its last; resolves when it has gone, and never rejects. */
export async function serveConnection(socket: Socket, exports: NbdExports, logger: Logger): Promise<void> {
  const incoming = new Incoming(socket);
  const timer = setTimeout(() => socket.destroy(), NEGOTIATION_LIMIT_MS);
  let agreement: Agreement | undefined;
  let isClean = false;
  try {
    agreement = await negotiate(socket, incoming, exports);
    clearTimeout(timer);
    if (agreement === undefined) return;
    logger.info(`A client opened ${agreement.name === '' ? 'the default export' : agreement.name}.`);
    const end = await new Transmission(socket, incoming, agreement).run();
    isClean = end === 'disconnect';
    if (end === 'malformed') logger.warning('A client was disconnected: it sent what is no NBD request.');
  } catch (error) {
    logger.error(`A client was disconnected: ${messageOf(error)}`);
    if (!(error instanceof BackyError)) logger.debug(error instanceof Error ? (error.stack ?? '') : String(error));
  } finally {
    clearTimeout(timer);
    // What was answered last is still to go out.
    socket.destroySoon();
    await agreement?.disk.close(isClean).catch((error: unknown) => logger.error(messageOf(error)));
  }
}

/** Undefined: the client has gone, or was nothing that could be talked to. */
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
