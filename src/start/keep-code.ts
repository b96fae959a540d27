import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { packCodeCache, sourceId } from './code-cache.ts';

/**
 * A module that Node preloads (`--require`), in threads too. At the end of each, writes beside the
 * bundles that ran there what V8 has compiled of them.
 */
const scripts = new Map<string, vm.Script>();

vm.Script = class extends vm.Script {
  constructor(source: string, options: vm.ScriptOptions) {
    // A cache of an earlier run would keep functions that this run does not need. A cache keeps the
    // name too, for stack traces: the folder of the build is of no use to others.
    const { filename = '' } = options;
    super(source, { ...options, filename: basename(filename), cachedData: undefined });
    if (filename !== '') scripts.set(filename, this);
  }
};

// V8 takes a cache only with the flags that it was written with. A bundle is loaded before they
// change.
v8.setFlagsFromString = () => {};

process.on('exit', () => {
  for (const [path, script] of scripts) {
    const cache = path.replace(/\.cjs$/, '.cache');
    const temporary = `${cache}.${process.pid}`;
    writeFileSync(temporary, packCodeCache(script.createCachedData(), sourceId(readFileSync(path, 'latin1'))));
    renameSync(temporary, cache);
  }
});
