import type { Adoption } from '../../core/catalogue/adopt.ts';
import type { CatalogueDifference } from '../../core/catalogue/compare.ts';
import type { CatalogueRow, CatalogueState } from '../../core/catalogue/status.ts';
import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const STATUS: Column<CatalogueRow>[] = [
  { name: 'date', kind: 'date', align: 'center', value: ({ date }) => date },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
  { name: 'state', kind: 'text', align: 'left', value: ({ state }) => state },
];

const DIFFERENCES: Column<CatalogueDifference>[] = [
  { name: 'date', kind: 'date', align: 'center', value: ({ date }) => date },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
  { name: 'where', kind: 'text', align: 'left', value: ({ where }) => where },
  { name: 'fields', kind: 'list', align: 'left', value: ({ fields }) => fields },
];

/** Options that say what to do; without any, the status is printed. */
const MODES = ['sync', 'compare', 'adopt', 'forget'];

export const catalogueCommand: Command = {
  name: 'catalogue',
  description: 'Show or mend the catalogue in the data backend.',
  args: [['[version_uid]', 'with --adopt or --forget: the version']],
  options: [
    ['--sync', 'write what the catalogue lacks; what was stopped continues'],
    ['--compare', 'list versions that catalogue and database do not have alike'],
    ['--adopt', 'bring versions into the database that only the catalogue has: one, or all'],
    ['--forget', 'delete the catalogue of a version that the database lacks; cleanup then deletes its blobs'],
  ],
  examples: [
    ['backy2 catalogue', 'Lists how the catalogue has each version.'],
    ['backy2 catalogue --sync', 'Writes it for versions that were made before there was one.'],
    ['backy2 catalogue --adopt', 'After a return to an older database: brings back what came later.'],
  ],
  checkUsage({ args, options }) {
    const given = MODES.filter((mode) => flag(options[mode]));
    if (given.length > 1) throw new BackyError('usage', `--${given.join(' and --')} cannot be combined.`);
    if (args.length > 0 && !flag(options.adopt) && !flag(options.forget))
      throw new BackyError('usage', 'Only --adopt and --forget take a version.');
    if (flag(options.forget) && args.length === 0) throw new BackyError('usage', '--forget needs a version.');
  },
  prepare({ args: [uid], options }) {
    if (flag(options.sync)) return sync;
    if (flag(options.compare)) return async ({ backy }) => ({ table: toTable(await backy.compareCatalogue(), DIFFERENCES) });
    if (flag(options.adopt)) return adopt(uid);
    if (flag(options.forget)) return forget(uid ?? '');
    return async ({ backy }) => {
      const rows = await backy.catalogueStatus();
      return { table: toTable(rows, STATUS), message: summary(rows) };
    };
  },
};

const sync: Action = async ({ backy }) => {
  const result = await backy.syncCatalogue();
  const { checked, written } = result;
  return { result: { ...result }, message: `Manifests that were whole: ${checked}; written: ${written}.` };
};

function adopt(uid: string | undefined): Action {
  return async ({ backy }) => {
    const result = await backy.adoptVersions(uid);
    const { length } = result.adopted;
    return {
      result: { ...result },
      message: length === 0 ? 'The database has all versions of the catalogue.' : `Adopted versions: ${length}.`,
      machineLines: result.adopted.map((version) => version.uid),
      exitCode: isWhole(result) ? 0 : EXIT_CODES.blocksBad,
    };
  };
}

function isWhole({ adopted, damaged }: Adoption): boolean {
  return damaged.length === 0 && adopted.every(({ blocksMissing, blocksLost }) => blocksMissing + blocksLost === 0);
}

function forget(uid: string): Action {
  return async ({ backy }) => {
    const forgotten = await backy.forgetManifest(uid);
    return { result: { forgotten }, message: `The catalogue has forgotten version ${uid}.` };
  };
}

const WORDS: [CatalogueState, string][] = [
  ['stale', 'stale'],
  ['missing', 'missing'],
  ['store_only', 'not in the database'],
  ['damaged', 'damaged'],
];

function summary(rows: readonly CatalogueRow[]): string {
  const count = (state: CatalogueState) => rows.filter((row) => row.state === state).length;
  const problems = WORDS.filter(([state]) => count(state) > 0).map(([state, words]) => `${words}: ${count(state)}`);
  return `Versions that the catalogue has as they are: ${count('current')}${problems.map((problem) => `; ${problem}`).join('')}.`;
}
