import { type FileHandle, open, rename } from 'node:fs/promises';

/**
 * The calls whose order makes a blob durable. Handed in, so that a test can record them and let one
 * fail.
 */
export interface DurableCalls {
  open(path: string, flags: 'r' | 'wx', mode?: number): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
}

/** The calls of the operating system. */
export const durableCalls: DurableCalls = { open, rename };
