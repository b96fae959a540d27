import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { labelOf, libpqEnvironment, type ServerAddress } from './engine-url.ts';

/** Characters of the error output that are kept. */
const MOST_TEXT = 4_096;

/**
 * Writes a dump of the database at one moment to a file, in pg_dump's custom format.
 * @throws BackyError `database` when pg_dump is missing or fails.
 */
export async function dumpDatabase(address: ServerAddress, to: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('pg_dump', ['--format=custom', '--no-password', `--file=${to}`], {
    env: { ...libpqEnvironment(address), LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, MOST_TEXT);
  });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop);
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null];
    signal.throwIfAborted();
    if (code !== 0) throw failed(address, complaint, code === null ? `it was ended by ${killedBy}` : `exit code ${code}`);
  } catch (error) {
    if (error instanceof BackyError || errnoOf(error) === undefined) throw error;
    throw new BackyError('database', `Cannot start pg_dump: ${messageOf(error)}`, {
      hint: 'Install the client programs of PostgreSQL, of the version of the server or a newer one (Debian: postgresql-client).',
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failed(address: ServerAddress, complaint: string, ending: string): BackyError {
  const lines = complaint.split('\n').map((line) => line.replace(/^pg_dump: (error|detail): /, '').trim());
  const why = lines.filter((line) => line !== '').join('; ') || ending;
  return new BackyError('database', `pg_dump of ${labelOf(address)} failed: ${why}`, {
    hint: complaint.includes('version mismatch')
      ? 'Install the client programs of the version of the server, and put their folder first in PATH.'
      : 'Check that backy2 ls works, and see the message of pg_dump.',
  });
}
