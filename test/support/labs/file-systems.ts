import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { lacking, type Need, needFuse, needLoopDevice, needMount, needTool } from '../runner/machine.ts';
import { type Mounted, type MountSpec, mountNew } from './mounted.ts';

const MIB = 2 ** 20;

/** A kind of file system that tests run on. */
interface Kind extends MountSpec {
  name: string;
  needs: readonly Need[];
}

/** A file system that is mounted while its tests run. */
export interface OnFileSystem extends Kind {
  /** A folder of it. */
  folder(): string;
  /** Whether files can be opened for direct I/O there, as the kernel says. */
  takesDirect(): boolean;
}

/**
 * Declares tests once for each kind of file system: with sectors of 512 and of 4096 bytes, in
 * memory, served by a process; that take direct I/O and that refuse it. Linux before 6.6 refuses it
 * on tmpfs.
 */
export async function describeOnFileSystems(declare: (on: OnFileSystem) => void): Promise<void> {
  for (const kind of await kinds()) {
    const { skip, note } = lacking(...kind.needs);
    describe.skipIf(skip)(`on ${kind.name}${note}`, () => {
      let mounted: Mounted | undefined;
      beforeAll(async () => {
        mounted = await mountNew(kind);
      });
      afterAll(() => mounted?.remove());
      const folder = () => mounted?.folder ?? 'not mounted';
      declare({ ...kind, folder, takesDirect: () => opensDirect(join(folder(), 'probe')) });
    });
  }
}

async function kinds(): Promise<Kind[]> {
  const mount = await needMount();
  const loop = [mount, await needLoopDevice()];
  const ext4 = [...loop, await needTool('mke2fs', '-V')];
  const xfs = [...loop, await needTool('mkfs.xfs', '-V')];
  const fuse = [await needFuse(), await needTool('mke2fs', '-V'), await needTool('fuse2fs', '-V')];
  const sizeBytes = 320 * MIB;
  return [
    { name: 'ext4, sectors of 512 bytes', fs: 'ext4', sizeBytes, sectorBytes: 512, needs: ext4 },
    { name: 'ext4, sectors of 4096 bytes', fs: 'ext4', sizeBytes, sectorBytes: 4096, needs: ext4 },
    { name: 'xfs, sectors of 512 bytes', fs: 'xfs', sizeBytes, sectorBytes: 512, needs: xfs },
    { name: 'xfs, sectors of 4096 bytes', fs: 'xfs', sizeBytes, sectorBytes: 4096, needs: xfs },
    { name: 'FUSE', fs: 'fuse', sizeBytes, needs: fuse },
    { name: 'tmpfs', fs: 'tmpfs', sizeBytes, needs: [mount] },
    { name: 'ramfs', fs: 'ramfs', sizeBytes, needs: [mount] },
  ];
}

function opensDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { force: true });
  }
}
