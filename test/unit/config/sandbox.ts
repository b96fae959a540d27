import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Environment } from '../../../src/config/environment.ts';
import { BackyError } from '../../../src/errors.ts';

/**
 * Creates a temporary folder with `root`, `home` and `cwd`, and its environment. It is removed
 * after the test.
 */
export interface Sandbox {
  folder: string;
  env: Environment;
  /** Writes a file below the folder. @returns its path. */
  write(name: string, content: string | Uint8Array): string;
}

export function makeSandbox(): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['root', 'home', 'cwd']) mkdirSync(join(folder, name));
  const env: Environment = {
    root: join(folder, 'root'),
    cwd: join(folder, 'cwd'),
    home: join(folder, 'home'),
    xdgDataHome: undefined,
    uid: 1000,
    cpus: 3,
  };
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  return { folder, env, write };
}

/** The config error that `act` throws. Fails the test for any other result. */
export function configErrorOf(act: () => unknown): BackyError {
  try {
    act();
  } catch (error) {
    if (!(error instanceof BackyError) || error.code !== 'config') throw error;
    expect(error.exitCode).toBe(1);
    return error;
  }
  throw new Error('nothing was thrown');
}
