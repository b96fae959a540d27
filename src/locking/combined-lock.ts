import type { Lock, LockMode, LockService } from './lock.ts';

/**
 * Locks that several services hold together. It takes them in the order of the services, nearest
 * first, and releases them in the reverse order. A holder in any of the services blocks the lock.
 */
export class CombinedLockService implements LockService {
  readonly #services: readonly LockService[];

  constructor(services: readonly LockService[]) {
    this.#services = services;
  }

  async tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined> {
    const taken: Lock[] = [];
    const release = async () => {
      for (const lock of taken.reverse()) await lock.release();
    };
    try {
      for (const service of this.#services) {
        const lock = await service.tryAcquire(name, mode);
        if (lock === undefined) {
          await release();
          return undefined;
        }
        taken.push(lock);
      }
    } catch (error) {
      await release();
      throw error;
    }
    return { release };
  }

  async isHeld(name: string): Promise<boolean> {
    for (const service of this.#services) if (await service.isHeld(name)) return true;
    return false;
  }

  async holders(name: string): Promise<string[]> {
    const all = new Set<string>();
    for (const service of this.#services) for (const holder of await service.holders(name)) all.add(holder);
    return [...all];
  }

  async confirm(): Promise<void> {
    for (const service of this.#services) await service.confirm();
  }

  async close(): Promise<void> {
    for (const service of this.#services.toReversed()) await service.close();
  }
}
