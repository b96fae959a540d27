import { distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

/** In the order in which they were made; each is dated a day before the previous one. */
const VERSIONS: { source: string; name: string; options: string[] }[] = [
  { source: 'big', name: 'vm1', options: ['-s', 'snapA', '-t', 'x'] },
  { source: 'big', name: 'vm1', options: ['-s', 'snapB', '-t', 'x,y', '-e', '2020-01-01'] },
  { source: 'small', name: 'wide 日本語 名前', options: ['-t', 'y', '-e', '2099-01-01 10:20:30'] },
  { source: 'zeros', name: 'pipe|name', options: ['-s', 'sn|ap', '-t', 'ü'] },
  { source: 'small', name: 'combining e\u0301 😀', options: ['-t', 'c\u0301'] },
  { source: 'small', name: 'new\nline', options: ['-t', 'nl'] },
  { source: 'small', name: 'tab\there', options: ['-t', 'tab'] },
  { source: 'small', name: 'esc\u001b[31mred\u001b[0m', options: ['-t', 'ctl'] },
  { source: 'small', name: 'null', options: ['-t', 'n'] },
  { source: 'small', name: '  lead trail  ', options: ['-t', 'sp'] },
];
const NEWEST_MS = Date.UTC(2026, 0, 28, 12, 34, 56);
const DAY_MS = 24 * 3600 * 1000;

replay({
  recording: '18-ls',
  setup(world) {
    world.write('big', image(distinct('big', 31), { sizeBytes: 122_885 }));
    world.write('small', image(['small'], { sizeBytes: 10 }));
    world.write('zeros', image(Array(1221).fill(ZERO), { sizeBytes: 5_000_000 }));
  },
  before: { 13: makeVersions },
});

async function makeVersions(world: World): Promise<void> {
  const recorded = world.recordedCall(59).stdout.match(/^[0-9a-f-]{36}/gm) ?? [];
  for (const [i, { source, name, options }] of VERSIONS.entries()) {
    const uid = await world.backup(...options, `file://${source}`, name);
    const date = new Date(NEWEST_MS - i * DAY_MS).toISOString().slice(0, 19).replace('T', ' ');
    world.sql('update versions set date=? where uid=?', `${date}.000000`, uid);
    world.names.versions.offer(recorded[i] ?? '', uid);
  }
}
