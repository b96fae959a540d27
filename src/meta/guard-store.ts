import type { MetaStore } from './meta-store.ts';

/**
 * The store with every failure of the driver made a BackyError: a page that is damaged, a disk that is full can show in any
 * statement, and users need one clear line for it.
 */
export function guardStore(store: MetaStore, translate: (error: unknown) => unknown): MetaStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        try {
          return await member.apply(target, args);
        } catch (error) {
          throw translate(error);
        }
      };
    },
  });
}

/** A store that is made on the first call, with the modules that it needs. */
export function lazyStore(load: () => Promise<MetaStore>): MetaStore {
  let loaded: Promise<MetaStore> | undefined;
  return new Proxy({} as MetaStore, {
    get: (_, name) => {
      // Whoever awaits the store itself must not take it for a promise.
      if (name === 'then') return undefined;
      return async (...args: unknown[]) => {
        loaded ??= load();
        const store = await loaded;
        const member: unknown = Reflect.get(store, name, store);
        if (typeof member !== 'function') throw new TypeError(`a meta store has no method ${String(name)}`);
        return member.apply(store, args) as unknown;
      };
    },
  });
}
