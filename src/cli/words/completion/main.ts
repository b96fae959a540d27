import { writeOut } from '../../output/write-out.ts';
import { complete } from './complete.ts';

/** Runs `backy2 __complete WORD…`. The exit code is always 0. */
complete(process.argv.slice(3)).then(
  (answer) => writeOut(1, answer),
  () => {},
);
