const BY_UID = 'by_version_uid';
const BY_NAME = 'by_name';

/** Folders at the root of a mount. */
export const ROOT_FOLDERS = [BY_UID, BY_NAME];

/** Name of the file with a version's image. */
export const DATA_FILE = 'data';

/** Position in a mount, taken from a path. It may not exist. */
export type VersionPath =
  | { kind: 'root' }
  | { kind: 'uids' }
  | { kind: 'names' }
  /** `/by_version_uid/<uid>` */
  | { kind: 'version'; uid: string }
  /** `/by_version_uid/<uid>/<file>` */
  | { kind: 'file'; uid: string; file: string }
  /** `/by_name/<folder>` */
  | { kind: 'name'; folder: string }
  /** `/by_name/<folder>/<uid>` */
  | { kind: 'link'; folder: string; uid: string };

/** Parses an absolute, normalized path. Returns undefined if no mount has such a path. */
export function parseVersionPath(path: string): VersionPath | undefined {
  const [top = '', second, third, ...more] = path.split('/').slice(1);
  if (more.length > 0) return undefined;
  if (top === '') return second === undefined ? { kind: 'root' } : undefined;
  if (top === BY_UID) {
    if (second === undefined) return { kind: 'uids' };
    return third === undefined ? { kind: 'version', uid: second } : { kind: 'file', uid: second, file: third };
  }
  if (top !== BY_NAME) return undefined;
  if (second === undefined) return { kind: 'names' };
  return third === undefined ? { kind: 'name', folder: second } : { kind: 'link', folder: second, uid: third };
}

/** Target of a symlink in `/by_name/<folder>`. */
export function linkTarget(uid: string): string {
  return `../../${BY_UID}/${uid}`;
}

/** Escapes a version's name for use as a folder name. */
export function folderName(name: string): string {
  if (name === '') return '%';
  if (name === '.' || name === '..') return name.replaceAll('.', '%2E');
  return name.replaceAll('/', '%2F');
}
