import { seededRandom } from '../images/random.ts';

/**
 * How often each kind is in a worker's deck of cards. About as many versions are made as removed.
 */
const DECK = {
  backup: 4,
  hinted: 3,
  continue: 4,
  restore: 3,
  scrub: 2,
  'scrub-oldest': 1,
  rm: 6,
  cleanup: 3,
  'cleanup-full': 1,
  mishap: 1,
} as const;

/** Kinds of operations. */
export type Kind = keyof typeof DECK;
export const KINDS = Object.keys(DECK) as Kind[];

/** How an operation is stopped. */
export interface Stop {
  signal: 'SIGKILL' | 'SIGTERM';
  /** When: as a share of the usual duration. */
  share: number;
  /** Count from the first mention of the version in the output, not from the program's start. */
  atWork: boolean;
}

/** One operation as planned. The state it finds depends on the other workers. */
export interface Plan {
  kind: Kind;
  /** From 0 to below 1: chooses among the versions that exist then. */
  pick: number;
  /** Seed of the image that is backed up. */
  image: number;
  /** Wait until no other operation runs: otherwise a full cleanup would almost never start. */
  alone: boolean;
  stop: Stop | undefined;
  /** Hours by which the clock is wrong. */
  clockHours: number;
}

/**
 * Share of operations with a wrong clock, and its errors: two hosts of which one is ahead, a year
 * too many, a dead battery.
 */
const WRONG_CLOCK = 0.15;
const CLOCK_HOURS = [2, 24 * 366 * 3, -24 * 400];

/** Share of stoppable operations that are stopped. */
const STOPPED = 0.4;
const BY_SIGTERM = 0.15;

/**
 * The endless plan of a worker: the same seed and worker give the same plan. One shuffled deck
 * follows the other, so that each kind comes soon.
 */
export function* plansOf(seed: number, worker: number): Generator<Plan, never> {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) + worker);
  for (;;) for (const kind of shuffledDeck(random)) yield planOf(kind, random);
}

/** Always draws the same number of random values, so that plans of neighbouring seeds differ. */
function planOf(kind: Kind, random: () => number): Plan {
  const [pick, image, alone, isStopped] = [random(), random(), random(), random()];
  const [signal, share, atWork] = [random(), random(), random()];
  const [isWrong, hours] = [random(), random()];
  const stop: Stop = { signal: signal < BY_SIGTERM ? 'SIGTERM' : 'SIGKILL', share, atWork: atWork < 0.75 };
  return {
    kind,
    pick,
    image: Math.floor(image * 2 ** 31),
    alone: kind === 'mishap' || (kind === 'cleanup-full' && alone < 0.6),
    stop: isStopped < STOPPED ? stop : undefined,
    clockHours: isWrong < WRONG_CLOCK ? (CLOCK_HOURS[Math.floor(hours * CLOCK_HOURS.length)] ?? 0) : 0,
  };
}

function shuffledDeck(random: () => number): Kind[] {
  const cards = KINDS.flatMap((kind) => Array.from({ length: DECK[kind] }, () => ({ kind, order: random() })));
  return cards.sort((a, b) => a.order - b.order).map(({ kind }) => kind);
}
