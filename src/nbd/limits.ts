import { MAX_REQUEST_BYTES } from './numbers.ts';

const MIB = 1024 * 1024;

/** Limits of a server, so that no client can stop it for the others. */
export interface NbdLimits {
  /** Clients that have opened an export. Others are refused with an error. */
  clients: number;
  /** Connections that have not opened an export. One more ends the one that was quiet longest. */
  handshakes: number;
  /** For each message of a client before it has opened an export, and for taking an answer. */
  handshakeStepMs: number;
  /** Options that a connection may send. */
  options: number;
  /** Options that it may send in addition for each export that was listed to it. */
  optionsPerExport: number;
  /** Times that a connection may list the exports. */
  lists: number;
  /** Memory for data of writes, for all clients together. */
  writeBytes: number;
  /** Requests in flight with data that a client may have at any time. */
  clientBytes: number;
  /** Data of all clients' requests in flight. Beyond that each client has one request at a time. */
  sharedBytes: number;
  /** Longest pause of a client within a request. */
  pauseMs: number;
  /** The same while another client waits for memory. */
  contendedPauseMs: number;
  /** Slowest speed of a client that sends data, after a pause. */
  minBytesPerSecond: number;
}

export const NBD_LIMITS: NbdLimits = {
  clients: 32,
  handshakes: 32,
  handshakeStepMs: 60_000,
  options: 1000,
  // libnbd sends two to four.
  optionsPerExport: 8,
  lists: 16,
  writeBytes: 256 * MIB,
  clientBytes: 2 * MAX_REQUEST_BYTES,
  sharedBytes: 512 * MIB,
  pauseMs: 30_000,
  contendedPauseMs: 5000,
  minBytesPerSecond: 256 * 1024,
};
