import { isNear, nearest } from '../../config/nearest.ts';

/** With fewer letters every option would be near. */
const SHORTEST_ABBREVIATION = '--abc'.length;

/**
 * The one of `candidates` that was likely meant by `word`: the only one that starts so, or the nearest, where an abbreviated
 * option may be misspelt as well (`--snpa` for `--snapshot-name`). Undefined: none is near.
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const starting = candidates.filter((candidate) => word !== '' && candidate.startsWith(word));
  if (starting.length === 1) return starting[0];
  const whole = nearest(word, candidates);
  if (whole !== '' && isNear(bare(word), bare(whole))) return whole;
  if (word.length < SHORTEST_ABBREVIATION) return undefined;
  const abbreviated = candidates.filter(
    (candidate) => candidate.startsWith('--') && isNear(bare(word), bare(candidate.slice(0, word.length))),
  );
  return abbreviated.length === 1 ? abbreviated[0] : undefined;
}

function bare(option: string): string {
  return option.replace(/^--/, '');
}
