import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Describes the users of a mount: processes with an open file or working folder in it, and loop
 * devices.
 */
export function holdersOf(mountpoint: string): string[] {
  return [...processes(mountpoint), ...loopDevices(mountpoint)];
}

function processes(mountpoint: string): string[] {
  const holders: string[] = [];
  for (const pid of entries('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    const folder = `/proc/${pid}`;
    const links = ['cwd', 'root', ...entries(`${folder}/fd`).map((fd) => `fd/${fd}`)];
    if (pid !== String(process.pid) && links.some((link) => isBelow(linkOf(join(folder, link)), mountpoint)))
      holders.push(`process ${pid} (${textOf(`${folder}/comm`)})`);
  }
  return holders;
}

function loopDevices(mountpoint: string): string[] {
  return entries('/sys/block')
    .filter((name) => isBelow(textOf(`/sys/block/${name}/loop/backing_file`), mountpoint))
    .map((name) => `/dev/${name} (losetup -d /dev/${name})`);
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Empty on failure: processes may end, and those of other users can't be read. */
function entries(folder: string): string[] {
  return quiet(() => readdirSync(folder), []);
}

function linkOf(path: string): string {
  return quiet(() => readlinkSync(path), '');
}

function textOf(path: string): string {
  return quiet(() => readFileSync(path, 'utf8').trim(), '');
}

function quiet<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}
