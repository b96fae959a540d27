import { image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const CRLF = '\r\n';
/** Calls that import an export: the recorder removed the versions before each. */
const IMPORTS = [7, 13, 14, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45];
/** The import whose results the recorder removed by statements that it shows. */
const CLEARED_BY_RECORDER = 45;

replay({
  recording: '17-export-import',
  async setup(world) {
    world.write('a', image(['a', 'b', ZERO, 'c'], { sizeBytes: 3 * 4096 + 100 }));
    world.bind(1, await world.backup('-s', 'sn,ap', '-e', '2030-01-02', 'file://a', 'v "m",é'));
  },
  before: Object.fromEntries(IMPORTS.filter((call) => call !== CLEARED_BY_RECORDER).map((call) => [call, forgetVersions])),
  after: { 12: writeVariants },
  stdin: {
    13: (world) => world.read('out.csv'),
    14: (world) => world.read('out.csv').toString().replaceAll(CRLF, '\n'),
    15: (world) => world.read('out.csv').toString() + CRLF,
    56: () => Buffer.from([0xff, 0xfe, 0x00, 0x01]),
  },
});

/** The blobs stay, so that imported versions can be restored. */
function forgetVersions(world: World): void {
  for (const table of ['versions', 'blocks', 'tags']) world.sql(`delete from ${table}`);
}

/** The files that are imported: the export in older formats, and with mistakes. */
function writeVariants(world: World): void {
  const [, version = '', ...rows] = world.read('out.csv').toString().trimEnd().split(CRLF);
  const oldRows = rows.map((row) => cut(row, 3));
  const noSnapshot = cut(version.replace('"sn,ap",', ''), 2);
  const write = (name: string, format: string, ...lines: string[]) =>
    world.write(name, [`backy2 Version ${format} metadata dump`, ...lines, ''].join(CRLF));
  write('f21.csv', '2.1', noSnapshot, ...oldRows);
  write('f22.csv', '2.2', cut(version, 1), ...oldRows);
  write('f210.csv', '2.10', version, ...oldRows);
  write('f210b.csv', '2.10', `${cut(version, 1)},`, ...oldRows);
  write('f210c.csv', '2.10', cut(version, 1), ...oldRows);
  write('f212x.csv', '2.12', version, ...rows.map((row) => `${row}\\x`));
  write('f212y.csv', '2.12', version, ...oldRows);
  write('f22y.csv', '2.2', cut(version, 1), ...rows);
  write('f21y.csv', '2.1', noSnapshot, ...rows);
  write('fdate.csv', '2.12', version.replace(DATE, '2020-01-01T00:00:00'), ...rows);
  write('fexp.csv', '2.12', `${version} 03:04:05`, ...rows);
  write('fbd.csv', '2.12', version, ...rows.map((row, id) => (id === 2 ? row.replace(DATE, 'xx') : row)));
  write('fdup.csv', '2.12', version, ...rows, rows[0] ?? '');
  write('fother.csv', '2.12', version, ...rows.map((row) => row.replace(UID, '99999999-0000-0000-0000-000000000000')));
  write('fnum.csv', '2.12', version.replace(/,4,12388,1,0,.*/, ',x,y,z,q,'), ...rows);
}

const DATE = /\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/;
const UID = /[0-9a-f]{8}-[0-9a-f-]{27}/;

/** A line without its last fields; none of these is quoted. */
function cut(line: string, fields: number): string {
  return line.split(',').slice(0, -fields).join(',');
}
