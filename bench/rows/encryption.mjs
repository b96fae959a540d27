import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CONTENTS, writeContents } from '../lib/contents.mjs';
import { Program } from '../lib/program.mjs';
import { alternate } from '../lib/rounds.mjs';
import { initialized, slowest, throughput } from './common.mjs';
import { restoreTo, scrubCold, storedBackup } from './stored.mjs';

const name = 'encryption';

/**
 * Encryption version 1. To nowhere, the limit is all cores reading the source, and doing only
 * checksum, zstd and GCM of its blocks. On the disk, it is the slower of that, or of its reverse in
 * memory, and of the best writers or readers.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* encryption(workspace) {
  for (const content of workspace.quick ? CONTENTS.slice(0, 2) : CONTENTS) yield await toNowhere(workspace, content);
  yield* onDisk(workspace);
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {import('../lib/contents.mjs').Content} content
 */
async function toNowhere(workspace, content) {
  const { blockSize, sourceBytes: bytes } = workspace;
  const source = content === 'random' ? workspace.source() : join(workspace.memory, 'encryption-source');
  if (content !== 'random') writeContents(source, { content, sizeBytes: bytes, blockSize });
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await workspace.limits.seal(source) }),
    ours: async () => {
      const folder = workspace.folder('memory', name);
      const program = await initialized(new Program(workspace, { folder, encrypted: true }));
      return program.run('backup', `file://${source}`, 'bench').then(({ seconds }) => ({ seconds }));
    },
  });
  if (content !== 'random') rmSync(source);
  const what = `${content} to nowhere, whole process, vs reading, checksum, zstd and GCM alone`;
  return throughput({ name, what, atLeast: 0.85 }, bytes, rounds);
}

/** @param {import('../lib/workspace.mjs').Workspace} workspace */
async function* onDisk(workspace) {
  const { limits, sourceBytes: bytes } = workspace;
  const atLeast = 0.8;
  const first = await alternate(workspace.rounds(), {
    limit: async () => ({
      seconds: await slowest(
        () => limits.seal(),
        () => limits.writeBlobs(),
      ),
    }),
    ours: async () => {
      const folder = workspace.folder('disk', name);
      const program = await initialized(new Program(workspace, { folder, blobs: `${folder}/blobs`, encrypted: true }));
      const { seconds } = await program.run('backup', `file://${workspace.source()}`, 'bench');
      rmSync(folder, { recursive: true });
      return { seconds };
    },
  });
  const vs = (/** @type {string} */ kind) => `vs the slower of the ciphers and of the best ${kind}`;
  yield throughput({ name, what: `first backup to disk, whole process, ${vs('writers')}`, atLeast }, bytes, first);
  const plain = await storedBackup(workspace, 'disk');
  const stored = await storedBackup(workspace, 'disk', { encrypted: true });
  const checks = await alternate(workspace.rounds(), {
    // Sealed blobs are no whole pages: those of the plain backup stand for them.
    limit: async () => ({
      seconds: await slowest(
        () => limits.open(),
        () => limits.readBlobs(plain),
      ),
    }),
    ours: () => scrubCold(stored),
  });
  yield throughput({ name, what: `scrub of a disk, whole process, ${vs('readers')}`, atLeast }, bytes, checks);
  const restores = await alternate(workspace.rounds(), {
    limit: async () => ({
      seconds: await slowest(
        () => limits.open(),
        () => limits.writeFile(),
      ),
    }),
    ours: () => restoreTo(join(workspace.disk, 'restored'), stored),
  });
  yield throughput({ name, what: `restore to disk, whole process, ${vs('writers')}`, atLeast }, bytes, restores);
}
