import { Option } from 'commander';
import { SCHEMES } from '../../../io/io-url.ts';
import type { Scheduler } from '../../../model/scheduler.ts';
import type { VersionGlimpse } from '../../../model/version.ts';
import type { CommandWords } from '../../command.ts';
import type { OptionList, Wanted, WantedValue } from './analyse.ts';
import { SHELLS } from './shells.ts';

/** A word that can stand at the cursor, whole, and what it is. */
export interface Candidate {
  word: string;
  description: string;
}

/** What shells are answered: words to offer; and where the file names begin that they are to add themselves, if any may. */
export interface Answer {
  candidates: Candidate[];
  /** What stands before the file name in the cursor's word; undefined: no file is wanted. */
  filesAfter?: string;
}

/** What is known at completion time; asked only for what is needed. */
export interface Knowledge {
  commands: readonly CommandWords[];
  versions(): Promise<VersionGlimpse[]>;
  schedulers(): Promise<Scheduler[]>;
}

const NONE: Answer = { candidates: [] };

/** The answer for the cursor's word. */
export async function answerFor(wanted: Wanted, knowledge: Knowledge): Promise<Answer> {
  if (wanted.what === 'command')
    return { candidates: knowledge.commands.map(({ name, description }) => ({ word: name, description })) };
  if (wanted.what === 'option') return { candidates: wanted.options.flatMap(optionWords) };
  return wanted.what === 'value' ? valueAnswer(wanted, knowledge) : NONE;
}

async function valueAnswer(wanted: WantedValue, { versions, schedulers }: Knowledge): Promise<Answer> {
  switch (wanted.kind) {
    case 'uid':
      return words(wanted, (await versions()).map(describe));
    case 'name':
      return words(wanted, counted((await versions()).map(({ name }) => name)));
    case 'snapshot':
      return words(wanted, counted((await versions()).map(({ snapshotName }) => snapshotName)));
    case 'tag':
      return words(wanted, counted((await versions()).flatMap(({ tags }) => tags)));
    case 'tags':
      return list(wanted, [
        ...counted((await versions()).flatMap(({ tags }) => tags)),
        ...(await schedulers()).map(describeScheduler),
      ]);
    case 'schedulers':
      return list(wanted, (await schedulers()).map(describeScheduler));
    case 'fields':
      return list(
        wanted,
        fieldsIn(wanted.description).map((word) => ({ word, description: '' })),
      );
    case 'shell':
      return words(
        wanted,
        SHELLS.map((word) => ({ word, description: '' })),
      );
    case 'file':
      return { candidates: [], filesAfter: wanted.prefix };
    case 'source':
    case 'target':
      return url(wanted);
    default:
      return NONE;
  }
}

function words({ prefix }: WantedValue, candidates: readonly Candidate[]): Answer {
  return { candidates: candidates.map(({ word, description }) => ({ word: prefix + word, description })) };
}

/** Words with commas between them: the ones that are there stay, and are not offered again. */
function list({ prefix, typed }: WantedValue, candidates: readonly Candidate[]): Answer {
  const head = typed.slice(0, typed.lastIndexOf(',') + 1);
  const taken = new Set(head.split(','));
  const seen = new Set<string>();
  const open = candidates.filter(({ word }) => {
    const isNew = !taken.has(word) && !seen.has(word) && !/[",]/.test(word);
    seen.add(word);
    return isNew;
  });
  return { candidates: open.map(({ word, description }) => ({ word: prefix + head + word, description })) };
}

function url({ kind, prefix, typed }: WantedValue): Answer {
  if (typed.startsWith('file://')) return { candidates: [], filesAfter: `${prefix}file://` };
  if (typed.includes('://')) return NONE;
  const candidates = Object.entries(SCHEMES).map(([scheme, { source, target }]) => ({
    word: `${prefix}${scheme}://`,
    description: kind === 'source' ? source : target,
  }));
  return { candidates };
}

function optionWords([flags, description]: OptionList[number]): Candidate[] {
  const { short, long } = new Option(flags);
  return [long, short].filter((word) => word !== undefined && word !== null).map((word) => ({ word, description }));
}

function describe({ uid, name, snapshotName, date, valid }: VersionGlimpse): Candidate {
  const parts = [name, snapshotName, date, valid ? '' : '(invalid)'];
  return { word: uid, description: parts.filter((part) => part !== '').join(' ') };
}

function describeScheduler({ name }: Scheduler): Candidate {
  return { word: name, description: 'scheduler' };
}

/** Each word once, with how many versions have it. */
function counted(all: readonly string[]): Candidate[] {
  const counts = new Map<string, number>();
  for (const word of all) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort().map(([word, count]) => ({ word, description: count === 1 ? '1 version' : `${count} versions` }));
}

/** Descriptions of `-f` list the fields behind a colon, and may add a remark in brackets. */
function fieldsIn(description: string): string[] {
  const fields = /: (.*,.*)$/.exec(description)?.[1]?.replace(/ \([^)]*[ ,][^)]*\)$/, '') ?? '';
  return fields
    .split(',')
    .map((field) => field.trim())
    .filter((field) => field !== '');
}
