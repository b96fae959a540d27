import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedRanges } from '../images/hints.ts';
import { imageOf, nextImageOf } from './model-images.ts';
import type { Known, Operation } from './operations.ts';
import type { Kind, Plan } from './plan.ts';
import type { Versions } from './versions.ts';

/** With fewer versions, none is removed; with this many or more, some may be. */
const FEW = 3;
const MANY = 12;

interface Surroundings {
  versions: Versions;
  /** For sources, hints and targets. */
  folder: string;
  worker: number;
  number: number;
}

/**
 * Turns a plan into an operation on the versions that exist now. Chooses another kind if there are
 * too few or too many versions.
 */
export function choose(
  plan: Plan & { kind: Exclude<Kind, 'mishap'> },
  { versions, folder, worker, number }: Surroundings,
): Operation {
  const kind = possible(plan.kind, versions);
  const file = (what: string) => join(folder, `${what}-${worker}-${number}`);
  const name = `vm-${worker}-${number}`;
  const { words, touches } = ways[kind]({ plan, versions, file, name });
  return { worker, number, kind, plan, words, touches, was: touches[0]?.state, met: new Set() };
}

function possible(kind: Exclude<Kind, 'mishap'>, versions: Versions): Exclude<Kind, 'mishap'> {
  const live = versions.in('valid', 'unfinished').length;
  if ((kind === 'backup' || kind === 'hinted') && live >= MANY) return 'rm';
  if (kind === 'rm') return live > FEW ? 'rm' : 'backup';
  if (kind === 'continue') return versions.in('unfinished').length > 0 ? 'continue' : 'backup';
  if (kind === 'scrub') return live > 0 ? 'scrub' : 'backup';
  if (kind === 'restore' || kind === 'hinted') return versions.in('valid').length > 0 ? kind : 'backup';
  return kind;
}

interface Way {
  plan: Plan;
  versions: Versions;
  file(what: string): string;
  name: string;
}
type Chosen = Pick<Operation, 'words' | 'touches'>;

const ways: Record<Exclude<Kind, 'mishap'>, (way: Way) => Chosen> = {
  backup: ({ plan, versions, file, name }) => {
    const image = imageOf(plan.image);
    const source = file('source');
    writeFileSync(source, image);
    return backupOf(versions.begin({ name, image, source, hints: undefined, base: undefined }));
  },
  hinted: ({ plan, versions, file, name }) => {
    const base = pick(versions.in('valid'), plan);
    const image = nextImageOf(base.image, plan.image);
    const [source, hints] = [file('source'), file('hints')];
    writeFileSync(source, image);
    writeFileSync(hints, JSON.stringify(changedRanges(base.image, image)));
    return backupOf(versions.begin({ name, image, source, hints, base }));
  },
  continue: ({ plan, versions }) => backupOf(pick(versions.in('unfinished'), plan)),
  restore: ({ plan, versions, file }) => {
    const version = pick(versions.in('valid'), plan);
    return { words: ['restore', version.uid, `file://${file('target')}`], touches: [version] };
  },
  scrub: ({ plan, versions }) => {
    const version = pick(versions.in('valid', 'unfinished'), plan);
    return { words: ['scrub', version.uid], touches: [version] };
  },
  'scrub-oldest': () => ({ words: ['scrub', '--oldest', '40'], touches: [] }),
  rm: ({ plan, versions }) => {
    const version = pick(versions.in('valid', 'unfinished'), plan);
    version.mayGo = true;
    return { words: ['rm', version.uid], touches: [version] };
  },
  cleanup: () => ({ words: ['cleanup', '--dangerous-force'], touches: [] }),
  'cleanup-full': () => ({ words: ['cleanup', '-f', '--yes-delete', '1000000'], touches: [] }),
};

/**
 * A backup, or its continuation if the version has a uid. If the base is no longer usable, there is
 * none: all blocks are read.
 */
export function backupOf(version: Known): Chosen {
  const { uid, name, source, hints, base } = version;
  const goesOn = uid === '' ? ['-t', 'model'] : ['-c', uid];
  const based =
    hints !== undefined && base?.state === 'valid' ? { words: ['-r', hints, '-f', base.uid], touches: [base] } : undefined;
  return {
    words: ['-m', 'backup', ...goesOn, ...(based?.words ?? []), `file://${source}`, name],
    touches: [version, ...(based?.touches ?? [])],
  };
}

function pick(versions: Known[], { pick: share }: Plan): Known {
  const version = versions[Math.floor(share * versions.length)];
  if (version === undefined) throw new Error('there is nothing to pick from');
  return version;
}
