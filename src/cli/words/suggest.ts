import { isNear, nearest } from '../../config/nearest.ts';

/** A shorter word would be near every option. */
const SHORTEST_ABBREVIATION = '--abc'.length;

/**
 * The candidate that `word` likely stands for: the only one that starts with it, or else the
 * nearest. An abbreviated option may be misspelt too (`--snpa` for `--snapshot-name`).
 * Undefined if none is near.
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
