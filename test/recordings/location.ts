import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GOLDEN_ROOT } from '../support/old/golden-root.ts';

const TRANSCRIPTS = join(GOLDEN_ROOT, 'transcripts');

export const hasRecordings = existsSync(join(TRANSCRIPTS, 'json'));

/** The files of one recording: the readable text of the run, and its calls as data. */
export function recordingFiles(name: string): { text: string; calls: string } {
  return { text: join(TRANSCRIPTS, `${name}.txt`), calls: join(TRANSCRIPTS, 'json', `${name}.jsonl`) };
}
