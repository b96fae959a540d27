import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandsOfScript } from '../support/docs/documented-commands.ts';
import { type DrillOptions, drill, introOf, sectionOf, shellLines } from '../support/docs/drill.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import type { Result } from '../support/program/process.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const KEY = '7a'.repeat(32);
const NEW_KEY = '7b'.repeat(32);
const PASSPHRASE = 'correct horse battery staple';
const PAGE = readFileSync('docs/disaster.md', 'utf8');
const IMAGE = noise(40 * BLOCK, 'disaster');
const CHANGED = Buffer.concat([noise(BLOCK, 'changed'), IMAGE.subarray(BLOCK)]);

/** The command lines of a section of the page, in order. */
const linesOf = (title: string) => shellLines(sectionOf(PAGE, title));

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

  /** Runs a line that is one call of the program, with the lab's paths. */
  function run(line: string): Promise<Result> {
    const [call, ...more] = commandsOfScript(line.replace('/var/tmp', lab.folder));
    if (call === undefined || more.length > 0) throw new Error(`This is not one call of backy2: ${line}`);
    return lab.run(call.argv);
  }
  /** Runs a section; UID is the newer version unless `options` say otherwise. */
  const drillSection = (title: string, options: DrillOptions = {}) => drill(linesOf(title), run, { uid: uids[1], ...options });

  const loseDatabase = () => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${lab.databasePath}${end}`, { force: true });
  };
  const restoredHash = () => sha256(readFileSync(lab.path('web.img')));

  test('the database', async () => {
    const before = await lab.ok('-m', 'ls');
    loseDatabase();
    const outputs = await drillSection('The database', { uid: uids[0] });
    expect(outputs['backy2 ls --from-store']).toContain(uids[1]);
    expect(restoredHash()).toBe(sha256(IMAGE));
    expect(await lab.ok('-m', 'ls')).toBe(before);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('the host', async () => {
    await drill(shellLines(introOf(PAGE)), run);
    loseDatabase();
    rmSync(lab.path('locks'), { recursive: true });
    await lab.ok('-m', 'ls', '--from-store');
    mkdirSync(lab.path('locks'));
    await drillSection('The host');
    expect(await lab.restoredSha256(uids[0] as string)).toBe(sha256(IMAGE));
  });

  test('the master key', async () => {
    writeFileSync(lab.path('passphrase'), `${PASSPHRASE}\n`);
    const recovery = { recovery_passphrase_file: lab.path('passphrase') };
    lab.configure({ DEFAULTS: recovery });
    const [sync = '', restore = '', ...rest] = linesOf('The master key');
    await drill([sync], run);
    lab.configure({ DEFAULTS: { ...recovery, encryption_version: 1, encryption_key: '' } });
    await drill([restore], run, { uid: uids[0] });
    expect(restoredHash()).toBe(sha256(IMAGE));
    loseDatabase();
    lab.configure({ DEFAULTS: { ...recovery, encryption_version: 1, encryption_key: NEW_KEY } });
    await drill(rest, run);
    lab.configure({ DEFAULTS: { encryption_version: 1, encryption_key: NEW_KEY } });
    await lab.ok('ls', '--from-store');
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('an older database', async () => {
    cpSync(lab.databasePath, lab.path('copy.sqlite'));
    const later = await backup(noise(10 * BLOCK, 'later'));
    loseDatabase();
    cpSync(lab.path('copy.sqlite'), lab.databasePath);
    const outputs = await drillSection('An older database');
    expect(outputs['backy2 catalogue --compare']).toContain(later);
    expect(await lab.ok('-m', 'ls')).toContain(later);
    await lab.ok('cleanup', '-f');
    expect(await lab.restoredSha256(later)).toBe(sha256(noise(10 * BLOCK, 'later')));
  });

  test('an older store', async () => {
    cpSync(lab.dataPath, lab.path('older'), { recursive: true });
    const later = await backup(noise(60 * BLOCK, 'later'));
    rmSync(lab.dataPath, { recursive: true });
    cpSync(lab.path('older'), lab.dataPath, { recursive: true });
    await drillSection('An older store', { codes: { 'backy2 scrub': 20 } });
    expect(lab.version(later).valid).toBe(0);
    expect(lab.version(uids[1] as string).valid).toBe(1);
  });

  test('a removed version', async () => {
    await lab.ok('rm', uids[1] as string);
    await lab.ok('cleanup');
    const outputs = await drillSection('A removed version');
    expect(outputs['backy2 undelete --list']).toContain(uids[1]);
    await lab.ok('cleanup', '-f');
    expect(lab.version(uids[1] as string).valid).toBe(1);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
    loseDatabase();
    expect(await lab.ok('-m', 'ls', '--from-store')).toContain(uids[1]);
  });

  test('one blob', async () => {
    lab.write('source.img', CHANGED);
    const blob = lab.blocks(uids[1]).find(({ uid }) => uid !== null)?.uid;
    if (typeof blob !== 'string') throw new Error('there is no blob');
    lab.blob(blob).remove();
    const [first = '', ...rest] = linesOf('One blob');
    await drill([first], run, { uid: uids[1], codes: { 'backy2 scrub': 20 } });
    await drill(rest, run, { uid: uids[1] });
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });

  test('a wrong cleanup', async () => {
    lab.write('source.img', CHANGED);
    for (const blob of lab.blobs()) lab.blob(blob).remove();
    await drillSection('A wrong cleanup', { codes: { 'backy2 scrub': 20 } });
    expect(lab.version(uids[1] as string).valid).toBe(1);
    expect(await lab.restoredSha256(uids[1] as string)).toBe(sha256(CHANGED));
  });
});
