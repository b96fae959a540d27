import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStored } from '../support/labs/check-store.ts';
import { OBJECT, PREFIX, type RbdLab, type ScriptOptions, withRbdLab } from '../support/labs/rbd-lab.ts';

const IMAGE = 'vms/vm1';
const FOREIGN = `${PREFIX}of-somebody-else`;
/** Makes a backup of ten objects take some seconds. */
const SLOW = { DataBackend: { bandwidth_write: 4 * OBJECT } };

describe('backup-rbd.sh makes a full backup', () => {
  test('if the last version was removed, is invalid, lost its snapshot, or rbd cannot list the changes since', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      await vm.lab.ok('rm', vm.rbd.versionOfSnapshot(IMAGE));
      expect(await vm.backup()).toMatch(
        /^backup-rbd: vms\/vm1: Snapshot \S+ is no base: there is no version of it\.\n.*: Full backup\./,
      );

      const damaged = vm.rbd.versionOfSnapshot(IMAGE);
      vm.lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', damaged);
      const [snapshot] = vm.rbd.ownSnapshots(IMAGE);
      // Until there is a good backup, the snapshot of a damaged one stays.
      expect(await vm.run({ fault: ' backup -s:fail' })).toMatchObject({ code: 77 });
      expect(vm.rbd.ownSnapshots(IMAGE)).toEqual([snapshot]);
      const said = await vm.backup();
      expect(said).toContain(`Snapshot ${snapshot} is no base: version ${damaged} is not valid.`);
      expect(said).toContain('Full backup.');

      const [lost = ''] = vm.rbd.ownSnapshots(IMAGE);
      await vm.rbd.rbd(['snap', 'rm', `${IMAGE}@${lost}`]);
      expect(await vm.backup()).toMatch(/^backup-rbd: vms\/vm1: Full backup\./);

      const { code, stdout, stderr } = await vm.run({ fault: '--from-snap:fail' });
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/rbd can't list the changes since snapshot backy2.test-\S+\.$/m),
      });
      expect(stdout).toContain('Full backup.');
      await vm.check();
      expect(vm.lab.version(damaged).valid).toBe(0);
    });
  });

  test('of every byte, and exits 5, when rbd hides changes from it', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      const base = vm.rbd.versionOfSnapshot(IMAGE);
      // Sample every block: the test must not depend on chance.
      vm.lab.configure({ DEFAULTS: { hint_check_percent: 100 } });
      const { code, stderr } = await vm.run({ fault: '--from-snap:lie' });
      expect(code).toBe(5);
      expect(stderr).toContain(`The image differs from version ${base} where rbd lists no change.`);
      await vm.check();
      expect(vm.lab.versions()).toHaveLength(2);
    });
  });
});

describe('a program that fails', () => {
  test('at any step: exit code and message; the base stays, and the next run works', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      const [base] = vm.rbd.ownSnapshots(IMAGE);
      for (const [fault, message] of [
        ['snap ls', "The snapshots can't be listed."],
        ['-ms ls', "The versions can't be listed."],
        ['snap create', "The snapshot backy2.test-.* can't be made."],
        ['diff', "rbd can't list the changes."],
        [' backup -s', 'There is no new backup.'],
      ]) {
        const { code, stderr } = await vm.run({ fault: `${fault}:fail` });
        expect({ code, stderr }, fault).toEqual({ code: 77, stderr: expect.stringMatching(/: fails on purpose\n/) });
        expect(stderr).toMatch(new RegExp(`^backup-rbd: ${IMAGE}: ${message}`, 'm'));
        expect(vm.rbd.snapshots(IMAGE)).toEqual([FOREIGN, base]);
        expect(vm.rbd.temporaryFiles()).toEqual([]);
        expect(vm.lab.versions()).toHaveLength(1);
      }
      const { code, stderr } = await vm.run({ fault: 'snap rm:fail' });
      expect({ code, stderr }).toEqual({
        code: 77,
        stderr: expect.stringContaining(`Snapshot ${base} can't be removed. The next run`),
      });
      expect(vm.rbd.ownSnapshots(IMAGE)).toEqual([base, expect.any(String)]);
      expect(await vm.backup()).toContain(`Removing snapshot ${base}, which a run that was interrupted has left.`);
      expect(vm.lab.versions()).toHaveLength(3);
      await vm.check();
    });
  });

  test('does not prevent backups of other images; the highest exit code counts', async () => {
    await withVm(async (vm) => {
      vm.rbd.writeImage('vms/vm2', noise(OBJECT, 'vm2'));
      await vm.backup();
      vm.rbd.protect(IMAGE, vm.rbd.ownSnapshots(IMAGE)[0] ?? '', true);
      const { code, stderr } = await vm.rbd.run(['vm1', 'none', 'vm2']);
      expect(code).toBe(16);
      expect(stderr).toContain('rbd: error opening image none: (2) No such file or directory');
      expect(stderr).toContain('backup-rbd: vms/none: The snapshots can');
      expect(stderr).toContain('is protected from removal.');
      expect(vm.rbd.versionOfSnapshot('vms/vm2')).toMatch(/^[0-9a-f-]{36}$/);
      expect(vm.lab.versions().map(({ name, valid }) => `${name} ${valid}`)).toEqual(['vm1 1', 'vm1 1', 'vm2 1']);
    });
  });

  test.for([
    ['TMPDIR', 'No temporary file can be made in /proc/none. Name another folder with TMPDIR.'],
    ['BACKY_LOCK_DIR', 'Name another folder with --lock-dir.'],
  ])('an unwritable folder %s: exit code 1 before anything is made', async ([variable = '', message = '']) => {
    await withVm(async (vm) => {
      const { code, stderr } = await vm.run({ env: { [variable]: '/proc/none' } });
      expect(code).toBe(1);
      expect(stderr).toContain(message);
      expect(vm.rbd.calls()).toEqual([]);
    });
  });
});

describe('after kill -9', () => {
  test('of the script, at any step, the next run leaves one snapshot, and makes a differential backup', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      let step = 1;
      for (; (await vm.run({ fault: `${step}:kill` })).signal === 'SIGKILL'; step++) {
        expect(vm.rbd.temporaryFiles()).toHaveLength(1);
        expect(await vm.backup()).toContain('Differential backup');
        vm.expectTidy();
      }
      // List, look up, create, diff, back up, look up, remove.
      expect(step).toBe(8);
      await vm.check();
    });
  }, 180_000);

  test('of the first runs, at any step, one after the other, snapshots do not pile up', async () => {
    await withVm(async (vm) => {
      let step = 1;
      for (; (await vm.run({ fault: `${step}:kill` })).signal === 'SIGKILL'; step++) {
        expect(vm.rbd.ownSnapshots(IMAGE).length).toBeLessThanOrEqual(2);
      }
      expect(step).toBeGreaterThan(6);
      await vm.check();
    });
  }, 180_000);

  test('of backy2, the script removes its snapshot, keeps the base and reports it', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      const [base] = vm.rbd.ownSnapshots(IMAGE);
      const { script, pid } = await vm.holdBackup();
      process.kill(pid, 'SIGKILL');
      const { code, stderr } = await script.ended;
      expect({ code, stderr }).toEqual({ code: 137, stderr: expect.stringContaining('There is no new backup.') });
      expect(vm.rbd.ownSnapshots(IMAGE)).toEqual([base]);
      expect(vm.lab.versions().map(({ valid }) => valid)).toEqual([1, 0]);
      vm.lab.configure({});
      expect(await vm.backup()).toContain('Differential backup');
      await vm.check();
    });
  });

  test('of the script alone, its backup continues, other runs do not disturb it, and a later one builds on it', async () => {
    await withVm(async (vm) => {
      await vm.backup();
      vm.rbd.writeImage('vms/vm2', noise(OBJECT, 'vm2'));
      const { script, pid } = await vm.holdBackup();
      script.kill('SIGKILL');
      const second = await vm.rbd.run(['vm1', 'vm2']);
      expect(second.code).toBe(75);
      expect(second.stderr).toMatch(/^backup-rbd: vms\/vm1: Another run works on this image: it holds the lock \S+\.lock\.$/m);
      expect(vm.rbd.ownSnapshots(IMAGE)).toHaveLength(2);
      expect(vm.rbd.ownSnapshots('vms/vm2')).toHaveLength(1);
      process.kill(pid, 'SIGCONT');
      await script.ended;
      vm.noteVersions();
      const orphan = vm.lab.versions().filter(({ name }) => name === 'vm1')[1];
      vm.lab.configure({});
      expect(await vm.backup()).toContain(`and version ${orphan?.uid}.`);
      vm.oracle.set(vm.rbd.versionOfSnapshot('vms/vm2'), sha256(noise(OBJECT, 'vm2')));
      await vm.check();
    });
  });
});

test.for([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s stops backy2 at once, and leaves things as they were: exit code %i', async ([signal, expected]) => {
  await withVm(async (vm) => {
    const { script, pid } = await vm.holdBackup();
    process.kill(pid, 'SIGCONT');
    script.kill(signal);
    const { code, stderr } = await script.ended;
    expect({ code, stderr }).toEqual({
      code: expected,
      stderr: expect.stringMatching(/^backup-rbd: vms\/vm1: Stopped by a signal\.$/m),
    });
    expect(vm.rbd.snapshots(IMAGE)).toEqual([FOREIGN]);
    expect(vm.rbd.temporaryFiles()).toEqual([]);
    expect(vm.lab.versions().map(({ valid }) => valid)).toEqual([0]);
  });
});

/** Whether a process is within a write transaction, once signals have arrived. */
async function isLocked(path: string): Promise<boolean> {
  await sleep(20);
  const database = new Database(path, { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return false;
  } catch {
    return true;
  } finally {
    database.close();
  }
}

/** A lab with one image, which changes before each backup, and a snapshot of another user. */
class Vm {
  readonly rbd: RbdLab;
  readonly oracle = new Map<string, string>();
  #image = noise(10 * OBJECT, 'start');
  #round = 0;

  constructor(rbd: RbdLab) {
    this.rbd = rbd;
    rbd.writeImage(IMAGE, this.#image);
  }

  get lab() {
    return this.rbd.lab;
  }

  /** A backup that must succeed. @returns the script's output. */
  async backup(): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run();
    if (code !== 0) throw new Error(`the script ended with ${code ?? signal}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** A backup of an image that has changed. */
  async run(options: ScriptOptions = {}) {
    this.#change();
    const result = await this.rbd.run(['vm1'], options);
    this.noteVersions();
    return result;
  }

  /**
   * Stops a backup half way: backy2, with process id `pid`, has made the version. None of its
   * processes continues.
   */
  async holdBackup() {
    const before = this.lab.versions().length;
    this.lab.configure(SLOW);
    this.#image = noise(10 * OBJECT, 'all else');
    this.#change();
    const script = this.rbd.start(['vm1'], { fault: ' backup -s:note' });
    while (this.lab.versions().length === before || this.rbd.notedPid() === undefined) {
      if (script.hasEnded) throw new Error(`the script ended early: ${script.stdout}`);
      await sleep(20);
    }
    const pid = this.rbd.notedPid() ?? -1;
    // Stopped within a transaction, it would keep all others waiting.
    for (process.kill(pid, 'SIGSTOP'); await isLocked(this.lab.databasePath); process.kill(pid, 'SIGSTOP')) {
      process.kill(pid, 'SIGCONT');
      await sleep(20);
    }
    return { script, pid };
  }

  /** New valid versions are of the current image. */
  noteVersions(): void {
    for (const { uid, valid } of this.lab.versions()) {
      if (valid === 1 && !this.oracle.has(uid)) this.oracle.set(uid, sha256(this.#image));
    }
  }

  /**
   * Expects one snapshot of the script's own, of a valid version, and no temporary file. Other
   * snapshots are untouched.
   */
  expectTidy(): void {
    expect(this.rbd.snapshots(IMAGE)).toEqual([FOREIGN, this.rbd.ownSnapshots(IMAGE)[0]]);
    expect(this.rbd.versionOfSnapshot(IMAGE)).toBeDefined();
    expect(this.rbd.temporaryFiles()).toEqual([]);
  }

  /**
   * The same. In addition, every valid version is stored as the image was, and the newest one
   * restores to it.
   */
  async check(): Promise<void> {
    this.expectTidy();
    checkStored(this.lab, this.oracle);
    const newest = this.rbd.versionOfSnapshot(IMAGE);
    expect(await this.lab.restoredSha256(newest)).toBe(this.oracle.get(newest));
  }

  #change(): void {
    this.#round++;
    for (const object of [2, 5]) noise(OBJECT, `${this.#round} ${object}`).copy(this.#image, object * OBJECT);
    this.rbd.writeImage(IMAGE, this.#image);
  }
}

function withVm(body: (vm: Vm) => Promise<void>): Promise<void> {
  return withRbdLab(async (rbd) => {
    const vm = new Vm(rbd);
    expect((await rbd.rbd(['snap', 'create', `${IMAGE}@${FOREIGN}`])).code).toBe(0);
    await body(vm);
  });
}
