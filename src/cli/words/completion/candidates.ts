import { Option } from 'commander';
import { SCHEMES } from '../../../io/io-url.ts';
import type { Job } from '../../../model/job.ts';
import type { Scheduler } from '../../../model/scheduler.ts';
import type { VersionGlimpse } from '../../../model/version.ts';
import type { CommandWords, WordSpec } from '../../command.ts';
import type { Wanted, WantedValue } from './analyse.ts';

/** A whole word that fits at the cursor. */
interface Candidate {
  word: string;
  description: string;
}

/** The answer to the shell: words to offer, and where it should complete file names itself. */
export interface Answer {
  candidates: Candidate[];
  /** The part of the word before the file name; undefined: no file name fits. */
  filesAfter?: string;
}

/** Sources of candidates. Each is read only if the answer needs it. */
interface Knowledge {
  commands: readonly CommandWords[];
  versions(): Promise<VersionGlimpse[]>;
  schedulers(): Promise<Scheduler[]>;
  jobs(): Promise<readonly Job[]>;
}

const NONE: Answer = { candidates: [] };

/** Lists the words that fit at the cursor. */
export async function answerFor(wanted: Wanted, knowledge: Knowledge): Promise<Answer> {
  if (wanted.what === 'command')
    return { candidates: knowledge.commands.map(({ name, description }) => ({ word: name, description })) };
  if (wanted.what === 'option') return { candidates: wanted.options.flatMap(optionWords) };
  return wanted.what === 'value' ? valueAnswer(wanted, knowledge) : NONE;
}

async function valueAnswer(wanted: WantedValue, { versions, schedulers, jobs }: Knowledge): Promise<Answer> {
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
    case 'job':
      return words(
        wanted,
        (await jobs()).map(({ key, source }) => ({ word: key, description: source })),
      );
    case 'fields':
      return list(wanted, wanted.choices.map(undescribed));
    case 'shell':
      return words(wanted, wanted.choices.map(undescribed));
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

/** Completes the last word of a comma separated list. Words in the list are not offered again. */
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

function optionWords([flags, description]: WordSpec): Candidate[] {
  const { short, long } = new Option(flags);
  return [long, short].filter((word) => word !== undefined && word !== null).map((word) => ({ word, description }));
}

function undescribed(word: string): Candidate {
  return { word, description: '' };
}

function describe({ uid, name, snapshotName, date, valid }: VersionGlimpse): Candidate {
  const parts = [name, snapshotName, date, valid ? '' : '(invalid)'];
  return { word: uid, description: parts.filter((part) => part !== '').join(' ') };
}

function describeScheduler({ name }: Scheduler): Candidate {
  return { word: name, description: 'scheduler' };
}

/** Each word once, described by the number of versions that have it. */
function counted(all: readonly string[]): Candidate[] {
  const counts = new Map<string, number>();
  for (const word of all) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort().map(([word, count]) => ({ word, description: count === 1 ? '1 version' : `${count} versions` }));
}
