import { writeOut } from '../../log/console-log.ts';
import { complete } from './complete.ts';

/** `backy2 __complete WORD…`: answers and ends, with 0 whatever happens. */
complete(process.argv.slice(3)).then(
  (answer) => writeOut(1, answer),
  () => {},
);
