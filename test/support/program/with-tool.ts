import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IN_CI } from '../runner/machine.ts';
import { PATH_WITH_SBIN } from './process.ts';

/** Declares tests that need a program of the system. Without it they are skipped, visibly. */
export function describeWith(tool: string, name: string, body: () => void): void {
  if (isInstalled(tool)) {
    describe(name, body);
    return;
  }
  describe.skipIf(!IN_CI)(`${name}: ${tool} is not installed`, () => {
    it('is tested', () => expect.fail(`${tool} is not installed`));
  });
}

function isInstalled(tool: string): boolean {
  return PATH_WITH_SBIN.split(':').some((folder) => existsSync(join(folder, tool)));
}
