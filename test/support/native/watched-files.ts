import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { openWholeFiles, type WholeFiles } from '../../../src/native/whole-files.ts';
import { tool } from '../program/process.ts';

/**
 * Calls that are noted, by their numbers. Reads and writes go through the page cache or around it,
 * by the kernel's own flags.
 */
const CALLS = ['cached', 'direct', 'fsync', 'rename'] as const;
export type Call = (typeof CALLS)[number];

/** Changes of all reads and writes. */
export interface Change {
  /** Moves only this part of the length. [1] */
  divisor?: number;
  /** Bytes to move at most. */
  atMost?: number;
  /** Refuses direct I/O with EINVAL, as some file systems do. */
  refusesDirect?: boolean;
  /** Fails with this error, by its name. */
  failsWith?: string;
  /** Each call, of any kind, is interrupted by a signal once. */
  isInterrupted?: boolean;
  /** Each read and write waits for a millisecond first, as for a disk. */
  waits?: boolean;
}

/** The library of whole files; its reads and writes are noted, and can be changed. */
export interface WatchedFiles {
  library: WholeFiles;
  /** Does something with the library. @returns its calls, in order. */
  during(body: () => Promise<unknown>, change?: Change): Promise<Call[]>;
}

const MOST_CALLS = 64;
const LONGEST = 0xffff_ffff;

/** Undefined behaviour kills the process; no library is needed for that. */
const STRICT = ['-Wall', '-Wextra', '-Wconversion', '-Werror', '-fsanitize=undefined', '-fsanitize-undefined-trap-on-error'];

/** Builds and opens the library. It stays until the process ends. */
export async function watchFiles(): Promise<WatchedFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-watched-files-'));
  const path = join(folder, 'watched-files.so');
  const [source, include] = ['watched-files.c', '../../../src/native'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  try {
    await tool('cc', ...STRICT, '-shared', '-fPIC', '-O1', '-I', include ?? '', '-o', path, source ?? '');
    const native = koffi.load(path);
    const change = native.func(
      'void change(uint32_t divide_by, uint32_t at_most, uint32_t refuse_direct, int fail_with, int interrupt, uint32_t wait)',
    );
    const forget = native.func('void forget()');
    const watched = native.func('uint32_t watched(_Out_ uint8_t *into)');
    const library = openWholeFiles(path);
    if (library === undefined) throw new Error(`${path} can't be opened`);
    return {
      library,
      during: async (body, { divisor = 1, atMost = LONGEST, failsWith, ...is } = {}) => {
        forget();
        change(
          divisor,
          atMost,
          is.refusesDirect ? 1 : 0,
          failsWith === undefined ? 0 : koffi.os.errno[failsWith],
          is.isInterrupted ? 1 : 0,
          is.waits ? 1 : 0,
        );
        try {
          await body();
        } finally {
          change(1, LONGEST, 0, 0, 0, 0);
        }
        const calls = new Uint8Array(MOST_CALLS);
        const count = watched(calls);
        return [...calls.subarray(0, count)].map((call) => CALLS[call] ?? 'cached');
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
