import { afterEach, beforeEach, expect, it } from 'vitest';
import { OpenImages } from '../../../../src/core/serve/open-images.ts';
import { VersionFiles } from '../../../../src/core/serve/version-files.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const UID = 'v1';
const MOUNTED_AT = new Date('2026-01-01T00:00:00Z');

let lab: CoreLab;
let images: OpenImages;
let files: VersionFiles;
beforeEach(async () => {
  lab = await CoreLab.create();
  await lab.newVersion(UID, BLOCK_SIZE);
  images = await OpenImages.create(lab.context, () => {});
  files = new VersionFiles(lab.meta, images, MOUNTED_AT);
});
afterEach(async () => {
  await images.close();
  await lab.dispose();
});

const kinds = (paths: string[]) => Promise.all(paths.map(async (path) => (await files.node(path))?.kind));

it('every listed path is a folder, link or file, all the way down', async () => {
  const walk = async (path: string): Promise<string[]> => {
    const node = await files.node(path);
    expect(node).toBeDefined();
    if (node?.kind !== 'folder') return [`${node?.kind} ${path}`];
    const names = (await files.list(path)) ?? [];
    const below = await Promise.all(names.map((name) => walk(`${path === '/' ? '' : path}/${name}`)));
    return [`folder ${path}`, ...below.flat()];
  };
  const version = await lab.meta.findVersion(UID);
  expect(await walk('/')).toEqual([
    'folder /',
    'folder /by_version_uid',
    `folder /by_version_uid/${UID}`,
    ...['data', 'name', 'snapshot_name', 'expire', 'tags', 'invalid'].map((file) => `file /by_version_uid/${UID}/${file}`),
    'folder /by_name',
    `folder /by_name/${version?.name}`,
    `link /by_name/${version?.name}/${UID}`,
  ]);
});

it('other paths do not exist', async () => {
  const paths = ['/other', '/other/x', '/by_version_uid/v2', '/by_version_uid/v2/data', `/by_version_uid/${UID}/other`];
  const deep = [`/by_version_uid/${UID}/data/x`, '/by_name/other', `/by_name/other/${UID}`, `/by_name/vm/${UID}/data`];
  expect(await kinds([...paths, ...deep])).toEqual(Array(9).fill(undefined));
});

it('files and links are not listed', async () => {
  expect(await files.list(`/by_version_uid/${UID}/data`)).toBeUndefined();
  expect(await files.list('/by_version_uid/v2')).toBeUndefined();
});

it('a text file has its text, from any offset', async () => {
  const node = await files.node(`/by_version_uid/${UID}/invalid`);
  const file = await files.open(`/by_version_uid/${UID}/invalid`);
  const into = Buffer.alloc(20);
  expect(node).toMatchObject({ sizeBytes: 7, isWritable: false });
  expect([await file.read(into, 2), into.toString('utf8', 0, 5), await file.read(into, 99)]).toEqual([5, 'valid', 0]);
  await expect(file.write(into, 0)).rejects.toThrow('read-only');
});
