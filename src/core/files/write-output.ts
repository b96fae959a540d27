import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import type { Context } from '../context.ts';
import { refuseInstallationFile } from './installation-files.ts';
import { outputPlace } from './output-place.ts';
import { writeToStream } from './stream-file.ts';
import { writeWholeFile } from './whole-file.ts';

/** A text that a user sends to a file. */
export interface TextOutput {
  /** As typed. Symlinks are followed. */
  fileName: string;
  /** For the message of an error: `export to`. */
  verb: string;
  text: AsyncIterable<string>;
  /** Of a new file; default: `file_mode`. */
  mode?: number;
}

/**
 * Writes text to a file, which appears durably once it is complete, or into a pipe or device. A new
 * file gets `mode`. Throws BackyErrors: `targetRefused` for a folder, a socket or a file of
 * the installation, `io` if writing fails.
 */
export async function writeOutput(
  context: Context,
  { fileName, verb, text, mode = context.settings.fileMode }: TextOutput,
): Promise<void> {
  const place = outputPlace(fileName);
  await refuseInstallationFile(place.path, context);
  if (place.kind === 'stream') return writeToStream(text, { place, verb, signal: context.signal });
  await writeWholeFile({ place, verb, mode, write: (temporary) => writeText(temporary, text) });
}

async function writeText(path: string, text: AsyncIterable<string>): Promise<void> {
  const fd = openSync(path, 'w');
  try {
    for await (const piece of text) writeFileSync(fd, piece);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
