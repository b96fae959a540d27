import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The folder with recorded runs of the original; they are not part of the project. */
export const GOLDEN_ROOT = process.env.BACKY_GOLDEN ?? resolve(PROJECT_ROOT, '../shared/golden');

const TRANSCRIPTS = join(GOLDEN_ROOT, 'transcripts');

export const hasRecordings = existsSync(join(TRANSCRIPTS, 'json'));

/** CI has the recordings and allows no skip. */
export const needsRecordings = process.env.CI !== undefined && process.env.CI !== '';

/** The files of one recording: the readable text of the run, and its calls as data. */
export function recordingFiles(name: string): { text: string; calls: string } {
  return { text: join(TRANSCRIPTS, `${name}.txt`), calls: join(TRANSCRIPTS, 'json', `${name}.jsonl`) };
}
