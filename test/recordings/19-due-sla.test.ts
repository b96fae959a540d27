import { recordedTime } from './dates.ts';
import { image } from './image.ts';
import type { SideStep } from './recording.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

replay({
  recording: '19-due-sla',
  setup(world) {
    world.write('a', image(['a']));
    // The clock for steps before the first call.
    world.clock = recordedTime(world.recordedCall(1));
  },
  clock: recordedTime,
  beforeStep: makeListedVersions,
  // The recorder does not show the changes of each x.cfg to backy.cfg; notes, errors and dates
  // reveal them.
  before: {
    54: scheduler('daily', { sla: '6x' }),
    56: scheduler('daily', { interval: 'd' }),
    58: scheduler('daily', { interval: '1.5d' }),
    60: scheduler('daily', { keep: 'x' }),
    62: scheduler('daily', { interval: '86400s', sla: '21600s' }),
    64: scheduler('daily', { sla: undefined }),
    66: scheduler('daily', { interval: '90m', sla: '360m' }),
  },
});

/** The recorder made backups, and changed their dates, before it listed them. */
async function makeListedVersions(world: World, step: SideStep): Promise<void> {
  if (step.kind !== 'sql' || !step.sql.startsWith('select')) return;
  for (const [name = '', , date = '', valid = '', tags = ''] of step.rows) {
    const known = world.database('backy.sqlite', (db) =>
      db.prepare('select uid from versions where name=? and date=?').get(name, date),
    );
    if (known !== undefined) continue;
    const uid = await world.backup('file://a', name, '-t', tags);
    world.sql('update versions set date=?, valid=? where uid=?', date, valid, uid);
  }
}

/** Writes x.cfg with other options in a scheduler's section; undefined leaves one out. */
function scheduler(section: string, options: Record<string, string | undefined>) {
  return (world: World) =>
    world.config('x.cfg', (text) => {
      const [before = '', after = ''] = text.split(`[${section}]\n`);
      const [own = '', ...rest] = after.split('\n\n');
      const lines = own.split('\n').flatMap((line) => {
        const [name = ''] = line.split(':');
        if (!Object.hasOwn(options, name)) return [line];
        return options[name] === undefined ? [] : [`${name}: ${options[name]}`];
      });
      return `${before}[${section}]\n${[lines.join('\n'), ...rest].join('\n\n')}`;
    });
}
