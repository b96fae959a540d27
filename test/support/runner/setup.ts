import { afterAll, expect } from 'vitest';
import { noteCosts } from './costs/note.ts';
import { takeCosts } from './costs/spent.ts';
import { watchStarts } from './costs/starts.ts';

/** Projects whose tests start no process, with the reason to print. */
const WITHOUT_PROCESSES: Record<string, string> = {
  unit: 'tests in test/unit start no process: put it into test/process',
  cli: 'tests in test/cli start no process: call the program with lab.run, or put it into test/process',
};

// One process may run several files.
const state = globalThis as { backyStartsAreWatched?: true };
if (state.backyStartsAreWatched === undefined) {
  watchStarts({ refuse: WITHOUT_PROCESSES[process.env.BACKY_TEST_PROJECT ?? ''] });
  state.backyStartsAreWatched = true;
}
takeCosts();

// Registered first, so run last.
afterAll(() => noteCosts(expect.getState().testPath ?? '', takeCosts()));
