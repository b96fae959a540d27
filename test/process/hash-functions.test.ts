import { expect, test } from 'vitest';
import { HASH_FUNCTIONS } from '../../src/config/schema.ts';
import { hasherFor } from '../../src/engine/worker/hasher.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('python3', '-V'));

test.skipIf(skip)(`every hash function agrees with hashlib of Python${note}`, async () => {
  const program = `import hashlib,sys\nfor n in sys.argv[1:]: print(n, getattr(hashlib,n)(b'x'*4096).hexdigest())`;
  const digest = async (name: string) => (await hasherFor(name).digest([Buffer.alloc(4096, 'x')], 'here'))[0];
  const ours = await Promise.all(HASH_FUNCTIONS.map(async (name) => `${name} ${await digest(name)}\n`));
  expect(await tool('python3', '-c', program, ...HASH_FUNCTIONS)).toBe(ours.join(''));
});
