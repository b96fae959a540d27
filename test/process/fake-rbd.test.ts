import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRecordings } from '../recordings/location.ts';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { RbdLab, resized } from '../support/labs/rbd-lab.ts';
import { GOLDEN_ROOT } from '../support/old/golden-root.ts';
import { IN_CI } from '../support/runner/machine.ts';

const MIB = 1024 * 1024;
const WITH_REAL_OBJECTS = { FAKE_RBD_OBJECT_SIZE: String(4 * MIB) };

/** Compares the output of the fake with recordings of Ceph 16.2. */
describe.skipIf(!hasRecordings && !IN_CI)('the fake rbd says what the real one said', () => {
  let rbd: RbdLab;
  beforeAll(async () => {
    rbd = new RbdLab(new Lab());
    rbd.writeImage('vms/disk-a', Buffer.alloc(0));
    for (const name of ['backup-1', 'backup-2']) expect((await rbd.rbd(['snap', 'create', `vms/disk-a@${name}`])).code).toBe(0);
  });
  afterAll(() => rbd.lab.remove());

  test.for([
    'rbd diff --whole-object --format=json vms/disk-a@nope',
    'rbd diff --whole-object --format=json --from-snap nope vms/disk-a@backup-2',
    'rbd diff --whole-object --format=json vms/nope@x',
    'rbd snap ls vms/nope',
    'rbd snap ls nopool/x',
    'rbd snap create vms/disk-a@backup-1',
    'rbd snap rm vms/disk-a@nope',
  ])('on failure: %s', async (command) => {
    const { code, stdout, stderr } = await rbd.rbd(command.split(' ').slice(1));
    expect({ code, output: stdout + stderr }).toEqual(recorded('03-errors.txt', command));
  });

  test('of an image that grows and is cut', async () => {
    const write = (sizeBytes: number, snap: string, image: Buffer) => {
      rbd.writeImage('vms/odd', resized(image, sizeBytes));
      return rbd.rbd(['snap', 'create', '--no-progress', `vms/odd@${snap}`]);
    };
    const image = noise(10 * MIB + 1536, 'odd');
    const steps: [number, string][] = [
      [image.length, 's1'],
      [20 * MIB, 's2'],
      [6 * MIB, 's3'],
    ];
    for (const [sizeBytes, snap] of steps) await write(sizeBytes, snap, image);
    for (const command of [
      'rbd diff --whole-object --format=json vms/odd@s1',
      'rbd diff --whole-object --format=json --from-snap s1 vms/odd@s2',
      'rbd diff --whole-object --format=json --from-snap s2 vms/odd@s3',
      'rbd snap ls vms/odd --format json',
    ]) {
      const { code, stdout } = await rbd.rbd(command.split(' ').slice(1), WITH_REAL_OBJECTS);
      const real = recorded('04-edge.txt', command);
      expect({ code, output: withoutIds(stdout) }, command).toEqual({ code: real.code, output: withoutIds(real.output) });
    }
  });
});

/** The output of a command without progress and log lines, and its exit code. */
function recorded(file: string, command: string): { code: number; output: string } {
  const text = readFileSync(join(GOLDEN_ROOT, 'rbd-samples', file), 'utf8');
  const [, output = '', code] =
    /^(.*?)\[exit (\d+)\]$/ms.exec(text.slice(text.indexOf(`$ ${command}\n`) + command.length + 3)) ?? [];
  return { code: Number(code), output: output.replace(/^[^\n]*% complete[^\n]*\n/gm, '') };
}

function withoutIds(output: string): string {
  return output.replace(/"id":\d+/g, '"id":N').replace(/"timestamp":"\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}"/g, '"timestamp":"T"');
}
