import { type Readable, Transform } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { BackyError, messageOf } from '../../errors.ts';
import { excerpt, NOT_AN_EXPORT } from './transfer-format.ts';

const MAX_LINE_BYTES = 1024 * 1024;

/** The fields of one line of a CSV file. */
export interface CsvLine {
  fields: string[];
  /** From 1. */
  number: number;
}

interface ParsedRecord {
  record: string[];
  info: { lines: number };
}

/**
 * Reads lines until the input ends or `signal` is aborted. Throws a BackyError: `badImport` for
 * text that is not CSV, `io` when the input can't be read.
 */
export async function* readCsvLines(input: Readable, fileName: string, signal: AbortSignal): AsyncIterableIterator<CsvLine> {
  // The original's "export -" prints an empty line after the last one.
  const parser = parse({ relax_column_count: true, skip_empty_lines: true, info: true, max_record_size: MAX_LINE_BYTES });
  const checked = input.pipe(utf8Check());
  checked.pipe(parser);
  for (const stream of [input, checked]) stream.on('error', (error) => parser.destroy(error));
  const stop = () => parser.destroy(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) yield { fields: record, number: info.lines };
  } catch (error) {
    throw readFailure(error, fileName);
  } finally {
    signal.removeEventListener('abort', stop);
    checked.destroy();
  }
}

/** Passes bytes on. Ends with a BackyError `badImport` at text that is not UTF-8. */
function utf8Check(): Transform {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = (done: (error: Error | null, bytes?: Buffer) => void, bytes?: Buffer): void => {
    try {
      decoder.decode(bytes, { stream: bytes !== undefined });
      done(null, bytes);
    } catch {
      // Two names that differ in such bytes would become one.
      done(new BackyError('badImport', 'Wrong import format: it is not UTF-8 text.', { hint: NOT_AN_EXPORT }));
    }
  };
  return new Transform({ transform: (bytes: Buffer, _, done) => check(done, bytes), flush: (done) => check(done) });
}

function readFailure(error: unknown, fileName: string): BackyError {
  if (error instanceof BackyError) return error;
  if (error instanceof CsvError) {
    return new BackyError('badImport', `Wrong import format: ${excerpt(messageOf(error))}`, {
      hint: NOT_AN_EXPORT,
      cause: error,
    });
  }
  return new BackyError('io', `Cannot read ${fileName}: ${messageOf(error)}`, {
    hint: 'Check the path and its permissions.',
    cause: error,
  });
}
