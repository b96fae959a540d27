import type { FileNode, MountedFiles, OpenFile } from '../../fuse/files.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { copyBytes } from '../../native/copy-bytes.ts';
import { findVersion } from '../versions/find-version.ts';
import type { ImageView } from './image-view.ts';
import type { OpenImages } from './open-images.ts';

const BY_UID = 'by_version_uid';
const BY_NAME = 'by_name';
/** How long a list of versions is reused. */
const MAX_LIST_AGE_MS = 1_000;

/**
 * All versions as files: `/by_version_uid/<uid>/…`, and symlinks to them at
 * `/by_name/<name>/<uid>`.
 */
export class VersionFiles implements MountedFiles {
  readonly #meta: MetaStore;
  readonly #images: OpenImages;
  readonly #mountedAt: Date;
  #list: { versions: Promise<TaggedVersion[]>; readAtMs: number } | undefined;

  constructor(meta: MetaStore, images: OpenImages, mountedAt: Date) {
    this.#meta = meta;
    this.#images = images;
    this.#mountedAt = mountedAt;
  }

  async node(path: string): Promise<FileNode | undefined> {
    const [top = '', second, third, ...more] = path.split('/').slice(1);
    const folder: FileNode = { kind: 'folder', date: this.#mountedAt };
    if (more.length > 0) return undefined;
    if (second === undefined) return ['', BY_UID, BY_NAME].includes(top) ? folder : undefined;
    if (top === BY_NAME) return this.#nodeByName(second, third);
    const version = top === BY_UID ? await this.#version(second) : undefined;
    if (version === undefined) return undefined;
    if (third === undefined) return { kind: 'folder', date: version.date };
    if (third === 'data') return { kind: 'file', date: version.date, sizeBytes: version.sizeBytes, isWritable: true };
    const text = textFiles(version).get(third);
    return text && { kind: 'file', date: version.date, sizeBytes: text.length, isWritable: false };
  }

  async list(path: string): Promise<string[] | undefined> {
    const [top = '', second, third] = path.split('/').slice(1);
    if (third !== undefined) return undefined;
    if (top === '') return [BY_UID, BY_NAME];
    if (top === BY_UID && second !== undefined) {
      const version = await this.#version(second);
      return version && ['data', ...textFiles(version).keys()];
    }
    if (top !== BY_UID && top !== BY_NAME) return undefined;
    const versions = await this.#versions();
    if (top === BY_UID) return versions.map(({ uid }) => uid);
    if (second === undefined) return [...new Set(versions.map(({ name }) => folderName(name)))];
    return versions.filter(({ name }) => folderName(name) === second).map(({ uid }) => uid);
  }

  async open(path: string): Promise<OpenFile> {
    const [, uid = '', file = ''] = path.split('/').slice(1);
    if (file === 'data') return openData(this.#images, uid);
    return openText(textFiles(await findVersion(this.#meta, uid)).get(file) ?? Buffer.alloc(0));
  }

  async #nodeByName(name: string, uid: string | undefined): Promise<FileNode | undefined> {
    const versions = (await this.#versions()).filter((version) => folderName(version.name) === name);
    const version = versions.find((candidate) => candidate.uid === (uid ?? candidate.uid));
    if (version === undefined) return undefined;
    if (uid === undefined) return { kind: 'folder', date: this.#mountedAt };
    return { kind: 'link', date: version.date, target: `../../${BY_UID}/${uid}` };
  }

  async #version(uid: string): Promise<TaggedVersion | undefined> {
    return this.#meta.findVersion(uid);
  }

  /** Cached for a moment, since a walk through the tree asks for the list at every step. */
  #versions(): Promise<TaggedVersion[]> {
    const now = performance.now();
    if (this.#list === undefined || now - this.#list.readAtMs > MAX_LIST_AGE_MS) {
      this.#list = { versions: this.#meta.listVersions({}), readAtMs: now };
      this.#list.versions.catch(() => {
        this.#list = undefined;
      });
    }
    return this.#list.versions;
  }
}

/** Escapes a version's name for use as a folder name. */
function folderName(name: string): string {
  if (name === '') return '%';
  if (name === '.' || name === '..') return name.replaceAll('.', '%2E');
  return name.replaceAll('/', '%2F');
}

/** Contents of the small files of a version, by file name. */
function textFiles(version: TaggedVersion): Map<string, Buffer> {
  const validity = version.valid ? 'valid' : 'invalid';
  const texts: [string, string][] = [
    ['name', version.name],
    ['snapshot_name', version.snapshotName],
    ['expire', version.expire?.toISOString().slice(0, 19) ?? ''],
    ['tags', version.tags.join(',')],
    [validity, validity],
  ];
  if (version.protected) texts.push(['protected', 'protected']);
  return new Map(texts.map(([file, text]) => [file, Buffer.from(text)]));
}

async function openData(images: OpenImages, uid: string): Promise<OpenFile> {
  const view = await images.open(uid);
  return {
    read: (into, offset) => readImage(view, into, offset),
    write: (bytes, offset) => view.write(offset, bytes),
    close: () => images.release(view),
  };
}

async function readImage(view: ImageView, into: Uint8Array, offset: number): Promise<number> {
  const length = Math.max(0, Math.min(into.length, view.geometry.sizeBytes - offset));
  let failed: Error | undefined;
  await view.read(offset, length, (piece) => {
    const at = piece.offset - offset;
    if (piece.kind === 'data') {
      copyBytes(into.subarray(at, at + piece.bytes.length), piece.bytes);
      piece.release();
    } else if (piece.kind === 'zeros') into.fill(0, at, at + piece.length);
    else failed ??= piece.error;
  });
  if (failed !== undefined) throw failed;
  return length;
}

function openText(text: Buffer): OpenFile {
  return {
    read: async (into, offset) => text.copy(into, 0, Math.min(offset, text.length)),
    write: async () => {
      throw new Error('this file is read-only');
    },
    close: async () => {},
  };
}
