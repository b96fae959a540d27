import type { FileNode, MountedFiles, OpenFile } from '../../fuse/files.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { findVersion } from '../versions/find-version.ts';
import { openData, openText, textFiles } from './open-files.ts';
import type { OpenImages } from './open-images.ts';
import { DATA_FILE, folderName, linkTarget, parseVersionPath, ROOT_FOLDERS } from './version-paths.ts';

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
    const place = parseVersionPath(path);
    switch (place?.kind) {
      case undefined:
        return undefined;
      case 'root':
      case 'uids':
      case 'names':
        return { kind: 'folder', date: this.#mountedAt };
      case 'version': {
        const version = await this.#meta.findVersion(place.uid);
        return version && { kind: 'folder', date: version.date };
      }
      case 'file': {
        const version = await this.#meta.findVersion(place.uid);
        return version && fileNode(version, place.file);
      }
      case 'name': {
        const [version] = await this.#versionsIn(place.folder);
        return version && { kind: 'folder', date: this.#mountedAt };
      }
      case 'link': {
        const version = (await this.#versionsIn(place.folder)).find(({ uid }) => uid === place.uid);
        return version && { kind: 'link', date: version.date, target: linkTarget(version.uid) };
      }
    }
  }

  async list(path: string): Promise<string[] | undefined> {
    const place = parseVersionPath(path);
    switch (place?.kind) {
      case 'root':
        return ROOT_FOLDERS;
      case 'uids':
        return (await this.#versions()).map(({ uid }) => uid);
      case 'names':
        return [...new Set((await this.#versions()).map(({ name }) => folderName(name)))];
      case 'version': {
        const version = await this.#meta.findVersion(place.uid);
        return version && [DATA_FILE, ...textFiles(version).keys()];
      }
      case 'name':
        return (await this.#versionsIn(place.folder)).map(({ uid }) => uid);
      default:
        return undefined;
    }
  }

  async open(path: string): Promise<OpenFile> {
    const place = parseVersionPath(path);
    if (place?.kind !== 'file') throw new Error(`${path} is not a file`);
    if (place.file === DATA_FILE) return openData(this.#images, place.uid);
    return openText(textFiles(await findVersion(this.#meta, place.uid)).get(place.file) ?? Buffer.alloc(0));
  }

  async #versionsIn(folder: string): Promise<TaggedVersion[]> {
    return (await this.#versions()).filter(({ name }) => folderName(name) === folder);
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

function fileNode(version: TaggedVersion, file: string): FileNode | undefined {
  const { date, sizeBytes } = version;
  if (file === DATA_FILE) return { kind: 'file', date, sizeBytes, isWritable: true };
  const text = textFiles(version).get(file);
  return text && { kind: 'file', date, sizeBytes: text.length, isWritable: false };
}
