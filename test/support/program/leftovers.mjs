import { readdirSync, readlinkSync } from 'node:fs';

/** Time allowed for closing. */
const CLOSING_MS = 2_000;

/**
 * The open files, sockets, timers and listeners of a process.
 * @typedef {Map<string, number>} Inventory counts by kind
 */

/** @returns {Inventory} */
export function takeInventory() {
  /** @type {Inventory} */
  const found = new Map();
  const count = (/** @type {string} */ what) => found.set(what, (found.get(what) ?? 0) + 1);
  for (const fd of readdirSync('/proc/self/fd')) {
    const target = linkOf(fd);
    // Threads and the event loop have some of these; their owners are counted otherwise.
    if (target !== undefined && !/^anon_inode:|^pipe:|^\/proc\/|^\/dev\/(null|urandom)$/.test(target)) count(`file ${target}`);
  }
  for (const what of process.getActiveResourcesInfo()) count(`resource ${what}`);
  for (const name of process.eventNames()) {
    for (let i = 0; i < process.listenerCount(name); i++) count(`listener of ${String(name)}`);
  }
  return found;
}

/**
 * A file's target, unless it was the list of files itself.
 * @param {string} fd
 * @returns {string | undefined}
 */
function linkOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/**
 * Lists what was not open before, after a pause in which closing can finish.
 * @param {Inventory} before
 * @returns {Promise<string[]>}
 */
export async function leftovers(before) {
  for (const end = performance.now() + CLOSING_MS; ; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const more = [...takeInventory()].filter(([what, count]) => count > (before.get(what) ?? 0));
    if (more.length === 0 || performance.now() > end) return more.map(([what, count]) => `${what} (${count})`);
  }
}
