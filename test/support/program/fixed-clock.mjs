/**
 * Stops the clock of a program that node loads this into (--import): it is always TEST_CLOCK_MS, in milliseconds since 1970.
 * The program itself knows nothing of it.
 */
import { stopClock } from './stop-clock.mjs';

stopClock(Number(process.env.TEST_CLOCK_MS));
