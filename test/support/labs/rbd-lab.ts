import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BINARY, PATH_WITH_SBIN, type Result, Running } from '../program/process.ts';
import { Lab } from './lab.ts';

export const SCRIPT = fileURLToPath(new URL('../../../docs/scripts/backup-rbd.sh', import.meta.url));
const FAKE_RBD = fileURLToPath(new URL('fake-rbd.mjs', import.meta.url));
const ON_PATH = fileURLToPath(new URL('on-path.sh', import.meta.url));

/** Prefix of the script's own snapshots in tests. */
export const PREFIX = 'backy2.test-';
/** Small objects, so that small images have several. */
export const OBJECT = 16384;
const OWN = /^backy2\.test-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export interface ScriptOptions {
  /** Which call goes wrong, and how (on-path.sh). */
  fault?: string;
  env?: Record<string, string>;
}

/** A lab with images of a fake rbd, and the script in it. */
export class RbdLab {
  readonly lab: Lab;
  readonly #root: string;
  readonly #calls: string;

  constructor(lab: Lab) {
    this.lab = lab;
    this.#root = lab.path('rbd');
    this.#calls = lab.path('calls');
    for (const folder of ['rbd', 'rbd/vms', 'bin', 'real', 'tmp']) mkdirSync(lab.path(folder));
    for (const name of ['rbd', 'backy2']) symlinkSync(ON_PATH, lab.path(`bin/${name}`));
    symlinkSync(BINARY, lab.path('real/backy2'));
    lab.write('real/rbd', `#!/bin/sh\nexec node '${FAKE_RBD}' "$@"\n`);
    chmodSync(lab.path('real/rbd'), 0o755);
  }

  /** Writes an image, or creates it, as a virtual machine would. */
  writeImage(spec: string, bytes: Uint8Array): void {
    mkdirSync(join(this.#root, spec), { recursive: true });
    writeFileSync(join(this.#root, spec, 'head'), bytes);
  }

  image(spec: string): Buffer {
    return readFileSync(join(this.#root, spec, 'head'));
  }

  /** Runs the fake rbd, as another user than the script would. */
  rbd(words: readonly string[], env: Record<string, string> = {}): Promise<Result> {
    const all = { PATH: PATH_WITH_SBIN, FAKE_RBD: this.#root, FAKE_RBD_OBJECT_SIZE: String(OBJECT), ...env };
    return new Running([this.lab.path('real/rbd'), ...words], { env: all }).ended;
  }

  /** Names of an image's snapshots, oldest first. */
  snapshots(spec: string): string[] {
    const list = join(this.#root, spec, 'snaps.json');
    if (!existsSync(list)) return [];
    return (JSON.parse(readFileSync(list, 'utf8')) as { name: string }[]).map(({ name }) => name);
  }

  /** Snapshots of an image that the script made. */
  ownSnapshots(spec: string): string[] {
    return this.snapshots(spec).filter((name) => OWN.test(name));
  }

  /** Uid of the only valid version of the script's only snapshot of an image. */
  versionOfSnapshot(spec: string): string {
    const [snapshot = '', ...others] = this.ownSnapshots(spec);
    const versions = this.lab.versions().filter(({ snapshot_name, valid }) => snapshot_name === snapshot && valid === 1);
    const [version] = versions;
    if (others.length > 0 || versions.length !== 1 || version === undefined) {
      throw new Error(`${spec} has ${others.length + 1} snapshots, the first with ${versions.length} valid versions`);
    }
    return version.uid;
  }

  /** Names of an image's snapshots that are mapped as devices. */
  mapped(spec: string): string[] {
    const names = readdirSync(join(this.#root, spec)).filter((name) => name.startsWith('mapped-'));
    return names.map((name) => name.slice('mapped-'.length));
  }

  /** Protects a snapshot from removal, or lifts the protection. */
  protect(spec: string, name: string, value: boolean): void {
    const list = join(this.#root, spec, 'snaps.json');
    const snaps = JSON.parse(readFileSync(list, 'utf8')) as { name: string }[];
    writeFileSync(list, JSON.stringify(snaps.map((snap) => (snap.name === name ? { ...snap, protected: String(value) } : snap))));
  }

  /** Starts the script in the background. Clears the list of calls first. */
  start(args: readonly string[], { fault = '', env = {} }: ScriptOptions = {}): Running {
    writeFileSync(this.#calls, '');
    const all = {
      PATH: `${this.lab.path('bin')}:${PATH_WITH_SBIN}`,
      HOME: this.lab.path('home'),
      LANG: 'C.UTF-8',
      TMPDIR: this.lab.path('tmp'),
      REAL: this.lab.path('real'),
      FAKE_RBD: this.#root,
      FAKE_RBD_OBJECT_SIZE: String(OBJECT),
      CALLS: this.#calls,
      FAULT: fault,
      BACKY_RBD_POOL: 'vms',
      BACKY_SNAPSHOT_PREFIX: PREFIX,
      BACKY_CONFIGFILE: this.lab.path('backy.cfg'),
      BACKY_SOURCE_TEMPLATE: `file://${this.#root}/{pool}/{image}/snaps/{snap}`,
      BACKY_LOCK_DIR: this.lab.path('locks'),
      ...env,
    };
    const knowsItsPid = ['sh', '-c', 'export SCRIPT_PID=$$; exec "$@"', 'sh'];
    return new Running([...knowsItsPid, SCRIPT, ...args], { env: all, cwd: this.lab.folder });
  }

  run(args: readonly string[], options: ScriptOptions = {}): Promise<Result> {
    return this.start(args, options).ended;
  }

  /** Runs the script, which must succeed. @returns its output. */
  async ok(...args: string[]): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`the script ended with ${code ?? signal}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** The calls of the last run, one per line, quoted for the shell. */
  calls(): string[] {
    return readFileSync(this.#calls, 'utf8').split('\n').slice(0, -1);
  }

  /** The process id that the fault `note` has written; undefined if it has not done so yet. */
  notedPid(): number | undefined {
    const file = `${this.#calls}.pid`;
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.endsWith('\n') ? Number(text) : undefined;
  }

  /** Names in the script's temporary folder. */
  temporaryFiles(): string[] {
    return readdirSync(this.lab.path('tmp'));
  }
}

/**
 * Runs `body` in a lab of its own, which is removed afterwards. The script matters here, so one
 * worker is enough and starts faster.
 */
export async function withRbdLab(body: (rbd: RbdLab) => Promise<void>): Promise<void> {
  const lab = await Lab.create({ workers: 1 });
  try {
    await body(new RbdLab(lab));
  } finally {
    lab.remove();
  }
}

/** A copy of the image, extended by a hole at its end or cut. */
export function resized(image: Buffer, sizeBytes: number): Buffer {
  const next = Buffer.alloc(sizeBytes);
  image.copy(next);
  return next;
}
