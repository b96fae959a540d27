import { nearest, typingErrors } from '../config/nearest.ts';

/** So many letters of a word may be wrong for it to be meant as another: one, or this part of them. */
const MOST_ERRORS = 0.4;
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
  if (word.length > 1 && isNear(word, whole)) return whole;
  if (word.length < SHORTEST_ABBREVIATION) return undefined;
  const abbreviated = candidates.filter(
    (candidate) => candidate.startsWith('--') && isNear(word, candidate.slice(0, word.length)),
  );
  return abbreviated.length === 1 ? abbreviated[0] : undefined;
}

function isNear(word: string, candidate: string): boolean {
  const [name, other] = [word, candidate].map((text) => text.replace(/^--/, ''));
  if (name === undefined || other === undefined || other === '') return false;
  return typingErrors(name, other) <= Math.max(1, Math.max(name.length, other.length) * MOST_ERRORS);
}
