import type { Mutant } from './mutant.ts';

const CATALOGUE = ['test/unit/data/catalogue/catalogue.test.ts'];
const KEYS = ['test/unit/data/catalogue/keys.test.ts'];
const LEAVES = ['test/unit/data/catalogue/leaf-rows.test.ts'];
const OBJECTS = ['test/unit/data/durable-blobs.test.ts'];

/** Objects of the catalogue in the data backend. */
export const CATALOGUE_FORMAT: readonly Mutant[] = [
  {
    name: 'digest-without-name',
    invariant: 'An object of the catalogue is not taken under the name of another one.',
    file: 'src/data/catalogue/container.ts',
    text: "return createHash('sha256').update(header).update(name).update(body).digest();",
    replacement: "return createHash('sha256').update(header).update(name.slice(0, 0)).update(body).digest();",
    tests: CATALOGUE,
  },
  {
    name: 'seal-without-name',
    invariant: 'A sealed object of the catalogue is not taken under the name of another one.',
    file: 'src/data/catalogue/container.ts',
    text: '  cipher.setAAD(Buffer.concat([header, Buffer.from(name)]));\n',
    replacement: '  cipher.setAAD(Buffer.concat([header, Buffer.from(name.slice(0, 20))]));\n',
    tests: CATALOGUE,
  },
  {
    name: 'flags-without-complement',
    invariant: 'A flipped bit that asks for a key is damage, not a missing key.',
    file: 'src/data/catalogue/container.ts',
    text: '(flags ^ complement) !== 0xff',
    replacement: 'complement > 0xff',
    tests: CATALOGUE,
  },
  {
    name: 'list-is-not-compared',
    invariant: 'A list that its head does not name is found.',
    file: 'src/data/catalogue/stored-catalogue.ts',
    text: 'if (digestOf(payload) !== listDigest)',
    replacement: 'if (payload.length > listDigest.length * 2 ** 30)',
    tests: CATALOGUE,
  },
  {
    name: 'collects-behind-damage',
    invariant: 'While a list can not be read, no leaf is deleted: its leaves are not known.',
    file: 'src/data/catalogue/unused-objects.ts',
    text: 'for (const leaf of await readNamed(list)) named.add(leaf);',
    replacement: 'for (const leaf of await readNamed(list).catch(() => [])) named.add(leaf);',
    tests: CATALOGUE,
  },
  {
    name: 'plain-data-keys',
    invariant: 'Data keys never go into a catalogue that is not encrypted.',
    file: 'src/data/catalogue/stored-catalogue.ts',
    text: 'if (sealKey === undefined && hasDataKeys)',
    replacement: 'if (sealKey === undefined && bytes.length === 0)',
    tests: CATALOGUE,
  },
  {
    name: 'odd-rows-keep-wrapped-keys',
    invariant: 'The data keys of all rows survive a rekey, those of a shorter last block too.',
    file: 'src/data/catalogue/odd-rows.ts',
    text: 'const dataKey = batch === undefined ? undefined : unwrapped(envKey, batch);',
    replacement: 'const dataKey = batch === undefined || envKey !== null ? undefined : unwrapped(envKey, batch);',
    tests: LEAVES,
  },
  {
    name: 'rekey-forgets-the-old-key',
    invariant: 'Until the database is rekeyed, the old master key opens the catalogue.',
    file: 'src/data/catalogue/rewrap-key.ts',
    text: 'await storeWraps(objects, [...wraps, wrap]);',
    replacement: 'await storeWraps(objects, [wrap, ...others]);',
    tests: KEYS,
  },
  {
    name: 'second-catalogue-key',
    invariant: 'A catalogue key that another command has stored is never replaced.',
    file: 'src/data/catalogue/key-holder.ts',
    text: "const isNew = stored.state === 'none' && found.by === 'new';",
    replacement: "const isNew = found.by === 'new';",
    tests: KEYS,
  },
  {
    name: 'object-names-are-not-synced',
    invariant: 'The name of an object is durable before what names it is written.',
    file: 'src/data/file/file-objects.ts',
    text: 'if (this.#options.isDurable) await this.#folders.sync();',
    replacement: 'if (!this.#options.isDurable) await this.#folders.sync();',
    tests: OBJECTS,
  },
];
