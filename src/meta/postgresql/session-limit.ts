/** The server, as a limit sees it. */
interface LimitOptions {
  /** Sessions at most. */
  most: number;
  /** Whether the server refused a session because there are too many. */
  isFull(error: unknown): boolean;
  /** Whether a session is open that nobody uses. */
  hasIdle(): boolean;
  /** Called once, when work goes on with fewer sessions than `most`. */
  onFewer(): void;
}

/**
 * Limits the sessions of this process. If the server allows no more, those that are open must be
 * enough: a caller waits until one of them is free, however long that takes.
 */
export class SessionLimit {
  readonly #options: LimitOptions;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  /** In use, or being opened. */
  #used = 0;
  #wasTold = false;

  constructor(options: LimitOptions) {
    this.#options = options;
    this.#limit = options.most;
  }

  /**
   * Opens a session once there is a place for it. Rejects with the failure of `open`; if the server
   * is full, only when no session is left to wait for. {@link leave} MUST follow a success.
   */
  async enter<T>(open: () => Promise<T>): Promise<T> {
    const { most, isFull, hasIdle, onFewer } = this.#options;
    for (;;) {
      while (this.#used >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#used++;
      try {
        const opened = await open();
        if (this.#limit < most && !this.#wasTold) onFewer();
        this.#wasTold ||= this.#limit < most;
        return opened;
      } catch (error) {
        this.leave();
        // One may have become free since.
        if (!isFull(error) || (this.#used === 0 && !hasIdle())) throw error;
        this.#limit = Math.max(1, Math.min(this.#limit, this.#used));
      }
    }
  }

  leave(): void {
    this.#used--;
    this.#waiting.shift()?.();
  }
}
