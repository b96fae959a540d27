import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../program/process.ts';

/** CI has all tools, servers and recordings, and allows no skip. */
export const IN_CI = process.env.CI !== undefined && process.env.CI !== '';

/** Something that a test needs from the machine. */
export interface Need {
  what: string;
  available: boolean;
  /** Containers cannot have it, so not even CI insists on it. */
  optional?: true;
}

/**
 * Whether to skip a test because the machine lacks something, with a note for its title. In CI only
 * optional needs are skipped; the test fails for others.
 */
export function lacking(...needs: Need[]): { skip: boolean; note: string } {
  const missing = needs.filter(({ available, optional }) => !available && (optional === true || !IN_CI));
  if (missing.length === 0) return { skip: false, note: '' };
  return { skip: true, note: ` [skipped: no ${missing.map(({ what }) => what).join(', no ')}]` };
}

/** Whether a small tmpfs can be mounted here. */
export function needMount(): Promise<Need> {
  return probe('permission to mount a tmpfs', async (folder) => {
    await tool('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
    await tool('umount', folder);
  });
}

/** Whether files can be made block devices here. */
export async function needLoopDevice(): Promise<Need> {
  const need = await probe('loop device', async (folder) => {
    const image = join(folder, 'image');
    await tool('truncate', '-s', '1M', image);
    const device = (await tool('losetup', '-f', '--show', image)).trim();
    await tool('losetup', '-d', device);
  });
  return { ...need, optional: true };
}

/** Whether FUSE file systems can be mounted here. */
export async function needFuse(): Promise<Need> {
  const need = await probe('/dev/fuse as root', async () => {
    closeSync(openSync('/dev/fuse', 'r+'));
    if (process.getuid?.() !== 0) throw new Error('an ordinary user needs fusermount');
  });
  return { ...need, optional: true };
}

/** Whether a command runs at all. */
export function needTool(...command: string[]): Promise<Need> {
  return probe(command[0] ?? '', async () => {
    await tool(...command);
  });
}

async function probe(what: string, attempt: (folder: string) => Promise<void>): Promise<Need> {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-probe-'));
  try {
    await attempt(folder);
    return { what, available: true };
  } catch {
    return { what, available: false };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
