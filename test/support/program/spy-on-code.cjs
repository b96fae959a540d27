// Preloaded by Node, in threads too. At its end, each prints on stderr which files it loaded,
// which slow modules of Node are among them, and whether V8 took their code caches.
const fs = require('node:fs');
const { basename } = require('node:path');
const vm = require('node:vm');
const { threadId } = require('node:worker_threads');

const bundles = [];
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const cache = options.cachedData === undefined ? 'none' : this.cachedDataRejected ? 'rejected' : 'taken';
    bundles.push({ name: basename(options.filename, '.cjs'), cache });
  }
};

process.on('exit', () => {
  const files = Object.keys(require.cache).filter((path) => path !== __filename);
  const slow = ['net', 'crypto', 'fs/promises'].filter((name) => process.moduleLoadList.includes(`NativeModule ${name}`));
  fs.writeSync(2, `SPY ${JSON.stringify({ threadId, bundles, files, slow })}\n`);
});
