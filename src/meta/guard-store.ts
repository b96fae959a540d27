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
