// Preloaded with NODE_OPTIONS. At the end of the main thread, tells the largest memory of the
// process so far, in KiB, as the kernel counts it: with the program's own pages of Node.
const { writeSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

process.on('exit', () => {
  if (isMainThread) writeSync(2, `PEAK ${process.resourceUsage().maxRSS}\n`);
});
