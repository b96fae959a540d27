/** Opened as a file, a redirected stdout would lose what others write to it. */
const NAMES = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

/** Whether a file name on the command line means stdout. */
export function isStdout(fileName: string): boolean {
  return NAMES.has(fileName);
}
