import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandsOfPage } from '../support/docs/documented-commands.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const KEY = '7a'.repeat(32);
const NEW_KEY = '7b'.repeat(32);
const PASSPHRASE = 'correct horse battery staple';
const PAGE = readFileSync('docs/disaster.md', 'utf8');
const IMAGE = noise(40 * BLOCK, 'disaster');
const CHANGED = Buffer.concat([noise(BLOCK, 'changed'), IMAGE.subarray(BLOCK)]);

/** The commands of a section of the page, in order, as it shows them. */
function commandsOf(title: string): string[][] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`docs/disaster.md has no section ${title}`);
  return commandsOfPage(section, [])
    .filter(({ isPart }) => !isPart)
    .map(({ argv }) => argv);
}

filesOnly('blob folder', () => {
  let lab: Lab;
  let uids: string[];
  beforeEach(async () => {
    lab = await Lab.create({ config: { DEFAULTS: { encryption_version: 1, encryption_key: KEY } } });
    uids = [];
    for (const bytes of [IMAGE, CHANGED]) uids.push(await backup(bytes));
  });
  afterEach(() => lab.remove());

  const backup = (bytes: Buffer) => lab.backup(`file://${lab.write('source.img', bytes)}`, 'web', '-t', 'daily');

  /**
   * Runs the commands of a section with the lab's paths and a uid. @param codes exit codes by the
   * start of a command; others MUST be 0.
   */
  async function drill(
    title: string,
    { uid = uids[1], codes = {} }: { uid?: string | undefined; codes?: Record<string, number> } = {},
  ) {
    const outputs: Record<string, string> = {};
    for (const argv of commandsOf(title)) {
      const words = argv.map((word) => (word === 'UID' ? (uid ?? '') : word.replace('/var/tmp', lab.folder)));
      const { code, stdout, stderr } = await lab.run(words);
      const line = argv.join(' ');
      const wanted = Object.entries(codes).find(([start]) => line.startsWith(start))?.[1] ?? 0;
      expect(code, `backy2 ${line}\n${stdout}${stderr}`).toBe(wanted);
      outputs[line] = stdout;
    }
    return outputs;
  }

  const loseDatabase = () => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${lab.databasePath}${end}`, { force: true });
  };
  const restoredHash = () => sha256(readFileSync(lab.path('web.img')));

  test('the database', async () => {
    const before = await lab.ok('-m', 'ls');
    loseDatabase();
    const outputs = await drill('The database', { uid: uids[0] });
    expect(outputs['ls --from-store']).toContain(uids[1]);
    expect(restoredHash()).toBe(sha256(IMAGE));
    expect(await lab.ok('-m', 'ls')).toBe(before);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('the host', async () => {
    loseDatabase();
    rmSync(lab.path('locks'), { recursive: true });
    await lab.ok('-m', 'ls', '--from-store');
    mkdirSync(lab.path('locks'));
    await drill('The host');
    expect(await lab.restoredSha256(uids[0] as string)).toBe(sha256(IMAGE));
  });

  test('the master key', async () => {
    writeFileSync(lab.path('passphrase'), `${PASSPHRASE}\n`);
    const recovery = { recovery_passphrase_file: lab.path('passphrase') };
    lab.configure({ DEFAULTS: recovery });
    const [sync = [], restore = [], ...rest] = commandsOf('The master key');
    await lab.ok(...sync);
    lab.configure({ DEFAULTS: { ...recovery, encryption_version: 1, encryption_key: '' } });
    const target = lab.path('web.img');
    await lab.ok(...restore.map((word) => (word === 'UID' ? (uids[0] as string) : word.replace('/var/tmp', lab.folder))));
    expect(sha256(readFileSync(target))).toBe(sha256(IMAGE));
    loseDatabase();
    lab.configure({ DEFAULTS: { ...recovery, encryption_version: 1, encryption_key: NEW_KEY } });
    for (const words of rest) await lab.ok(...words);
    lab.configure({ DEFAULTS: { encryption_version: 1, encryption_key: NEW_KEY } });
    await lab.ok('ls', '--from-store');
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('an older database', async () => {
    cpSync(lab.databasePath, lab.path('copy.sqlite'));
    const later = await backup(noise(10 * BLOCK, 'later'));
    loseDatabase();
    cpSync(lab.path('copy.sqlite'), lab.databasePath);
    const outputs = await drill('An older database');
    expect(outputs['catalogue --compare']).toContain(later);
    expect(await lab.ok('-m', 'ls')).toContain(later);
    await lab.ok('cleanup', '-f');
    expect(await lab.restoredSha256(later)).toBe(sha256(noise(10 * BLOCK, 'later')));
  });

  test('an older store', async () => {
    cpSync(lab.dataPath, lab.path('older'), { recursive: true });
    const later = await backup(noise(60 * BLOCK, 'later'));
    rmSync(lab.dataPath, { recursive: true });
    cpSync(lab.path('older'), lab.dataPath, { recursive: true });
    await drill('An older store', { codes: { scrub: 20, 'catalogue --compare': 0 } });
    expect(lab.version(later).valid).toBe(0);
    expect(lab.version(uids[1] as string).valid).toBe(1);
  });

  test('a removed version', async () => {
    await lab.ok('rm', uids[1] as string);
    await lab.ok('cleanup');
    const outputs = await drill('A removed version');
    expect(outputs['undelete --list']).toContain(uids[1]);
    await lab.ok('cleanup', '-f');
    expect(lab.version(uids[1] as string).valid).toBe(1);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
    loseDatabase();
    expect(await lab.ok('-m', 'ls', '--from-store')).toContain(uids[1]);
  });

  test('one blob', async () => {
    lab.write('source.img', CHANGED);
    const [blob] = lab.blobs();
    if (blob === undefined) throw new Error('there is no blob');
    lab.blob(blob).remove();
    const [first = [], ...rest] = commandsOf('One blob');
    const here = (words: string[]) =>
      words.map((word) => (word === 'UID' ? (uids[1] as string) : word.replace('/var/tmp', lab.folder)));
    expect((await lab.run(here(first))).code).toBe(20);
    for (const words of rest) await lab.ok(...here(words));
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('a wrong cleanup', async () => {
    lab.write('source.img', CHANGED);
    for (const blob of lab.blobs()) lab.blob(blob).remove();
    await drill('A wrong cleanup', { codes: { scrub: 20 } });
    expect(lab.version(uids[1] as string).valid).toBe(1);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });
});
