import type { Rules } from './rules.ts';
import { Tables, type Version } from './tables.ts';

/** State that the programs of a run share. */
export interface World {
  tables: Tables;
  rules: Rules;
  random: () => number;
  /** Versions in use, by how many readers; -1 by a writer. */
  inUse: Map<Version, number>;
  running: Set<Program>;
}

/** A program: what lies between two yields is one transaction, or one deletion of bytes. */
export type Program = Generator<string, void>;

/** Nothing has happened yet. */
export function newWorld(rules: Rules, random: () => number): World {
  return { tables: new Tables(), rules, random, inUse: new Map(), running: new Set() };
}
