import { RbdCalls } from '../../src/io/rbd/rbd-calls.ts';
import { parseRbdPlace } from '../../src/io/rbd/rbd-url.ts';
import { RBD_DEFAULTS } from '../unit/config/rbd-defaults.ts';

/**
 * Opens and closes a snapshot for a while, as the thread that talks to the cluster does.
 *
 *   rbd-opens CONF PLACE SECONDS    prints the number of opens
 */
const [conffile = '', path = '', seconds = ''] = process.argv.slice(2);

const calls = new RbdCalls();
calls.connect({ ...RBD_DEFAULTS, conffile });
const place = parseRbdPlace(path, path);
const end = Date.now() + Number(seconds) * 1000;
let opens = 0;
for (; Date.now() < end; opens++) calls.close(calls.open(place, 'read').handle);
calls.shutdown();
process.stdout.write(`${opens}\n`);
