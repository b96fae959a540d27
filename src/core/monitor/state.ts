/** How something is, as monitoring plugins grade it. */
export type State = 'ok' | 'warning' | 'critical' | 'unknown';

/** From the worst to the best. A problem that is known weighs more than one that may be there. */
const WORST_FIRST: readonly State[] = ['critical', 'unknown', 'warning', 'ok'];

/** The exit codes of monitoring plugins. */
export const PLUGIN_CODES: Readonly<Record<State, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** The worst of these states; `ok` without any. */
export function worstOf(states: readonly State[]): State {
  return WORST_FIRST.find((state) => states.includes(state)) ?? 'ok';
}

/** Sorts worst first. */
export function compareStates(a: State, b: State): number {
  return WORST_FIRST.indexOf(a) - WORST_FIRST.indexOf(b);
}

/** Something that an administrator should look at. */
export interface Problem {
  state: Exclude<State, 'ok'>;
  /** One line. It may have names with any characters. */
  text: string;
}

/** Sorts worst first, and keeps the order of equal ones. */
export function worstFirst(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => compareStates(a.state, b.state));
}
