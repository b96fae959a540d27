import { readFile as readFileCallback, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { unlessAborted } from '../../model/unless-aborted.ts';

// The modules of promises and streams would slow each start.
const readFile = promisify(readFileCallback);
/** A silent wait looks like a hang. */
const NOTICE_MS = 5_000;

/**
 * Reads a file that the user has named to its end; `-` is stdin. It may be a pipe whose writer is
 * late, for instance one of the shell's `<(…)`.
 * @throws the system's error, or the reason of a signal to the program.
 */
export type ReadInput = (file: string) => Promise<Buffer>;

/** The surroundings of {@link inputReader}. */
interface InputOptions {
  /** Ends a wait for the writer of a pipe. */
  signal: AbortSignal;
  /** Opens stdin. */
  stdin(): Readable;
  warn(text: string): void;
  noticeMs?: number;
}

/** Makes a {@link ReadInput}. It never blocks this thread. */
export function inputReader({ signal, stdin, warn, noticeMs = NOTICE_MS }: InputOptions): ReadInput {
  return async (file) => {
    const notice = setTimeout(
      () => warn(`Still reading ${file === '-' ? 'stdin' : file}: its writer has not closed it.`),
      noticeMs,
    );
    try {
      return await unlessAborted(file === '-' ? readAll(stdin()) : readFile(file), signal);
    } finally {
      clearTimeout(notice);
    }
  };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Whether reading a file may wait: for the writer of a pipe, or for a terminal. */
export function mayWait(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}
