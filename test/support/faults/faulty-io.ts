import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { tool } from '../program/process.ts';

/** Compiles faulty-io.c for LD_PRELOAD; the library is removed when the test file has ended. */
export async function compileFaultyIo(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-faulty-io-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, 'faulty-io.so');
  await tool('gcc', '-shared', '-fPIC', '-O1', '-o', library, fileURLToPath(new URL('faulty-io.c', import.meta.url)), '-ldl');
  return library;
}
