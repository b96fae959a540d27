import { rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMissed, renderRow, renderTable } from './lib/table.mjs';
import { Workspace } from './lib/workspace.mjs';
import { renderRivals } from './rivals/markdown.mjs';
import { measureRivals } from './rivals/measure.mjs';
import { catalogue } from './rows/catalogue.mjs';
import { coldSource } from './rows/cold-source.mjs';
import { encryption } from './rows/encryption.mjs';
import { fileBackend, firstBackup } from './rows/first-backup.mjs';
import { layouts } from './rows/layouts.mjs';
import { layoutsPostgresql } from './rows/layouts-postgresql.mjs';
import { memory } from './rows/memory.mjs';
import { metadata } from './rows/metadata.mjs';
import { fuse, nbd } from './rows/open-images.mjs';
import { postgresql } from './rows/postgresql.mjs';
import { rbd } from './rows/rbd.mjs';
import { restore, scrub, secondBackup } from './rows/read-back.mjs';
import { reports } from './rows/reports.mjs';
import { s3 } from './rows/s3.mjs';
import { smallBlocks } from './rows/small-blocks.mjs';
import { start } from './rows/start.mjs';
import { year } from './rows/year.mjs';

/**
 * Measures the real program against limits that are measured in the same run, alternately: on a
 * busy or virtual machine only such ratios mean anything. Exit code 1: a required ratio was missed.
 */
const BENCHES = {
  start,
  'first-backup': firstBackup,
  'file-backend': fileBackend,
  'cold-source': coldSource,
  encryption,
  'second-backup': secondBackup,
  restore,
  scrub,
  nbd,
  fuse,
  'small-blocks': smallBlocks,
  memory,
  metadata,
  layouts,
  'layouts-postgresql': layoutsPostgresql,
  catalogue,
  year,
  reports,
  postgresql,
  s3,
  rbd,
};

const USAGE = `Usage: npm run bench -- [--only NAME[,NAME] | --rivals] [--quick] [--gib N] [--blocks N] [--json FILE]
                       [--memory-dir DIR] [--disk-dir DIR] [--program PROGRAM]

  --only        ${Object.keys(BENCHES).join(', ')}
  --rivals      instead, compare with borg, restic, and the original if BACKY2_ORIGINAL names one
  --quick       small sizes, one round: only checks that the bench works
  --gib         size of the image of most rows (default: 4)
  --blocks      blocks of the images of layouts (default: 2621440, on PostgreSQL 524288) and
                of year (10000)
  --json        also write the rows to a file
  --memory-dir  a folder on a tmpfs (default: /dev/shm)
  --disk-dir    a folder on a real disk (default: the one for temporary files)
  --program     the program to measure (default: bin/backy2 of this folder)
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rivals: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    gib: { type: 'string', default: '4' },
    blocks: { type: 'string' },
    json: { type: 'string' },
    'memory-dir': { type: 'string', default: '/dev/shm' },
    'disk-dir': { type: 'string' },
    program: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const names = values.rivals ? [] : (values.only?.split(',') ?? Object.keys(BENCHES));
const unknown = names.filter((name) => !(name in BENCHES));
for (const option of /** @type {const} */ (['gib', 'blocks']))
  if (!/^[1-9][0-9]*$/.test(values[option] ?? '1')) unknown.push(`--${option} ${values[option]}`);
if (values.help || unknown.length > 0) {
  process.stdout.write(unknown.length > 0 ? `Unknown: ${unknown.join(', ')}\n${USAGE}` : USAGE);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const workspace = new Workspace({
  quick: values.quick,
  gib: Number(values.gib),
  blocks: values.blocks === undefined ? undefined : Number(values.blocks),
  memoryDir: values['memory-dir'],
  diskDir: values['disk-dir'],
  program: values.program,
});
/** @type {import('./lib/table.mjs').Row[]} */
const rows = [];
/** @type {import('./rivals/measure.mjs').Result[]} */
const rivals = [];
try {
  for (const name of names) {
    for await (const row of BENCHES[name](workspace)) {
      rows.push(row);
      process.stderr.write(`${renderRow(row)}\n`);
    }
  }
  const hasRivals = values.rivals || (values.quick && values.only === undefined);
  if (hasRivals) for await (const result of measureRivals(workspace)) rivals.push(result);
} finally {
  workspace.remove();
}
const missed = rows.filter(isMissed);
const json = JSON.stringify({ quick: values.quick, rows, rivals });
if (rivals.length > 0) process.stdout.write(`${renderRivals(rivals, workspace.sourceBytes)}\n`);
if (!values.rivals) process.stdout.write(`${renderTable(rows)}\n${json}\n`);
if (values.json !== undefined) {
  rmSync(values.json, { force: true });
  writeFileSync(values.json, `${json}\n`);
}
// Quick runs measure only start-up: their ratios say nothing about the program.
process.exitCode = missed.length > 0 && !values.quick ? 1 : 0;
