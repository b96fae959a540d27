import { noise } from '../support/images/random.ts';
import type { Sections } from '../support/labs/config-text.ts';
import { documentOf } from '../support/labs/json-schemas.ts';
import { type Lab, type LabOptions, withLab } from '../support/labs/lab.ts';
import { OBJECT, type RbdCluster } from './rbd-cluster.ts';

/** Prefix of the snapshots of `--auto`. */
export const PREFIX = 'test.auto-';

/** Options of a lab for `backup --auto`. */
export function autoLab(cluster: RbdCluster): LabOptions & { config: Sections } {
  return { blockSize: 16384, workers: 1, config: cluster.config({ snapshot_prefix: PREFIX }) };
}

/** The output of `--json backup --auto` (docs/json/backup-auto.json). */
export interface AutoDocument {
  results: {
    image: string;
    name: string;
    dry_run: boolean;
    snapshot: string | null;
    from_snapshot: string | null;
    base_uid: string | null;
    removed_snapshots: string[];
    exit_code: number;
    backup: { uid: string; bytes_read: number; snapshot_name: string } | null;
    errors: { code: string; exit_code: number; message: string }[];
  }[];
}

/** Runs `--json backup --auto` with more words; it must succeed. */
export async function auto(lab: Lab, ...words: string[]): Promise<AutoDocument> {
  return documentOf<AutoDocument>('backup-auto.json', await lab.ok('--json', 'backup', '--auto', ...words));
}

/** Runs `body` with a lab and an image of 20 objects, the first half of which is written. */
export async function withImage(
  cluster: RbdCluster,
  body: (lab: Lab, image: string) => Promise<void>,
  config = autoLab(cluster).config,
): Promise<void> {
  await withLab({ ...autoLab(cluster), config }, async (lab) => {
    const image = cluster.newImage();
    await cluster.create(image, 20 * OBJECT);
    await cluster.write(image, 0, noise(10 * OBJECT, image));
    await body(lab, image);
    await cluster.remove(image);
  });
}
