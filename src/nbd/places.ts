import { BackyError } from '../errors.ts';
import type { NbdLimits } from './limits.ts';

/** The place of a connection in a server. */
export interface Place {
  /** The client has sent a whole message. */
  heard(): void;
  /** Makes it a client that can't lose its place. Throws a BackyError if there are too many. */
  open(): void;
  /** Undoes `open`. */
  reopen(): void;
  /** Must be called once, at the end. */
  leave(): void;
}

/**
 * Places of connections. A new connection always gets one: of those that have not opened an export,
 * the one that was quiet longest loses its place.
 */
export class Places {
  readonly #limits: Pick<NbdLimits, 'clients' | 'handshakes'>;
  /** Connections that have not opened an export, with their `drop`. Quiet longest first. */
  readonly #handshakes = new Map<Place, () => void>();
  #clients = 0;

  constructor(limits: Pick<NbdLimits, 'clients' | 'handshakes'>) {
    this.#limits = limits;
  }

  /** @param drop disconnects the client; called at most once. */
  enter(drop: () => void): Place {
    let state: 'handshake' | 'client' | 'left' = 'handshake';
    const change = (next: typeof state) => {
      if (state === 'client') this.#clients--;
      this.#handshakes.delete(place);
      if (next === 'client') this.#clients++;
      if (next === 'handshake') this.#handshakes.set(place, drop);
      state = next;
    };
    const place: Place = {
      heard: () => {
        if (this.#handshakes.has(place)) change('handshake');
      },
      open: () => {
        const { clients } = this.#limits;
        if (this.#clients >= clients) throw new BackyError('refused', `No place for another client: the limit is ${clients}.`);
        change('client');
      },
      reopen: () => change('handshake'),
      leave: () => change('left'),
    };
    this.#dropQuietest();
    change('handshake');
    return place;
  }

  #dropQuietest(): void {
    for (const [place, drop] of this.#handshakes) {
      if (this.#handshakes.size < this.#limits.handshakes) return;
      this.#handshakes.delete(place);
      drop();
    }
  }
}
