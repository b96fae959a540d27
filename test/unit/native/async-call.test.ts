import { expect, test } from 'vitest';
import { settled } from '../../../src/native/async-call.ts';

type Done = (error: unknown, result: number) => void;

test('no more than 200 calls are in flight at once; the others follow as these end', async () => {
  const started: Done[] = [];
  const results = Array.from({ length: 300 }, () => settled(new Uint8Array(1), (done) => void started.push(done)));
  expect(started).toHaveLength(200);
  for (let i = 0; i < 300; i++) {
    started[i]?.(null, i);
    await results[i];
  }
  expect(await Promise.all(results)).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

test('a call that fails rejects, and makes room for the next one', async () => {
  const ends: Done[] = [];
  const calls = Array.from({ length: 201 }, () => settled(new Uint8Array(1), (done) => void ends.push(done)));
  ends[0]?.(new Error('no such call'), 0);
  await expect(calls[0]).rejects.toThrow('no such call');
  expect(ends).toHaveLength(201);
  for (const end of ends.slice(1)) end(null, 0);
  await Promise.all(calls.slice(1));
});
