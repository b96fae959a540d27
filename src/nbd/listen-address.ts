import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../errors.ts';

/** Where to listen: a unix socket, or an address and a port (0: any free port). */
export type ListenAddress = { path: string } | { host: string; port: number };

/** Bytes of a socket's path that the kernel takes. Node cuts longer ones silently. */
const LONGEST_PATH = 107;
/** Errors of bind(2) on file systems without sockets. */
const NO_SOCKETS = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

/** Refuses a path that is too long for a socket. */
export function checkListenAddress(address: ListenAddress): void {
  if (!('path' in address) || Buffer.byteLength(address.path) <= LONGEST_PATH) return;
  throw new BackyError('failed', `Cannot listen on ${address.path}: a socket's path has at most ${LONGEST_PATH} bytes.`, {
    hint: 'Name a shorter path with --socket.',
  });
}

/** The error for an address where the server can't listen. */
export function listenFailure(address: ListenAddress, error: unknown): BackyError {
  const where = 'path' in address ? address.path : `${address.host} port ${address.port}`;
  const errno = errnoOf(error) ?? '';
  const busy = errno === 'EADDRINUSE' ? 'Another program listens there. Stop it, or use another socket or port.' : undefined;
  const advice = 'path' in address ? socketAdvice(dirname(address.path), errno) : undefined;
  return new BackyError('failed', `Cannot listen on ${where}: ${messageOf(error)}`, {
    hint: busy ?? advice ?? 'Use another socket or port.',
    cause: error,
  });
}

function socketAdvice(folder: string, errno: string): string | undefined {
  if (NO_SOCKETS.has(errno))
    return `The file system of ${folder} has no sockets (as FAT, NTFS and SMB). Name a path on another one: --socket /run/backy2.sock`;
  // Node says EACCES for ENOENT.
  if (!existsSync(folder)) return `Create the folder ${folder}, or name another path with --socket.`;
  return errno === 'EACCES' || errno === 'EROFS'
    ? `This user can't create files in ${folder}. Name another path with --socket.`
    : undefined;
}
