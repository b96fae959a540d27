/**
 * Stops the clock of a program that Node loads this into (--import): it always shows TEST_CLOCK_MS,
 * in milliseconds since 1970. The program itself does not notice.
 */
import { stopClock } from './stop-clock.mjs';

stopClock(Number(process.env.TEST_CLOCK_MS));
