import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATH_WITH_SBIN, type Result, Running } from '../program/process.ts';

/** The scripts that users copy. */
export const SCRIPTS = fileURLToPath(new URL('../../../docs/scripts', import.meta.url));

/** A folder in which a script of the docs runs, with programs of the test first on its PATH. */
export class ScriptLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-script-'));

  /** Variables of the script, besides those of the lab. */
  readonly env: Record<string, string> = {};

  constructor() {
    mkdirSync(this.path('bin'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  backy2(script: string): void {
    this.program('backy2', script);
  }

  /** Makes a program that notes its calls, then does as `script` says. `$LAB` is the folder. */
  program(name: string, script: string): void {
    this.write(`bin/${name}`, `#!/bin/bash\necho "${name} $*" >>"$LAB/calls"\n${script}\n`);
    chmodSync(this.path(`bin/${name}`), 0o755);
  }

  run(script: string, ...args: string[]): Promise<Result> {
    const env = { ...this.env, PATH: `${this.path('bin')}:${PATH_WITH_SBIN}`, LAB: this.folder, LOCK_DIR: this.folder };
    return new Running([join(SCRIPTS, script), ...args], { env, cwd: this.folder }).ended;
  }

  /** The noted calls so far. The folder is left out of their paths. */
  calls(): string[] {
    const file = this.path('calls');
    return existsSync(file) ? readFileSync(file, 'utf8').replaceAll(this.folder, '').trimEnd().split('\n') : [];
  }
}
