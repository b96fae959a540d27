import type { State } from '../../core/monitor/state.ts';
import { type Html, html } from '../output/html.ts';

/** States, worst first: a sign and a word, so that colours are not needed. */
export const STATES: readonly { state: State; word: string; sign: string }[] = [
  { state: 'critical', word: 'Critical', sign: '✕' },
  { state: 'unknown', word: 'Unknown', sign: '?' },
  { state: 'warning', word: 'Warning', sign: '▲' },
  { state: 'ok', word: 'OK', sign: '✓' },
];

/** A state as a small label. */
export function stateLabel(state: State): Html {
  const { word, sign } = STATES.find((known) => known.state === state) ?? { word: state, sign: '?' };
  return html`<span class="state ${state}"><b aria-hidden="true">${sign}</b>${word}</span>`;
}
