/**
 * Gathers messages to another thread and posts those of one turn of the event loop together. Each
 * post wakes the other thread, which takes a core from hashing (3 % of a backup).
 */
export class Outbox<T> {
  readonly #post: (messages: T[]) => void;
  #messages: T[] = [];

  constructor(post: (messages: T[]) => void) {
    this.#post = post;
  }

  /** Posts `message` at the end of this turn of the event loop. */
  add(message: T): void {
    if (this.#messages.push(message) === 1) setImmediate(() => this.flush());
  }

  /** Posts waiting messages at once: for a port that is about to close. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#post(messages);
  }
}
