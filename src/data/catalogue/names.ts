import type { ManifestHead } from './types.ts';

const ROOT = 'backy2-catalogue';
/** Uids that every release makes. Others, from imports, are written in hex behind an x. */
const USUAL_UID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** The beginning of the names of all objects with the wrapped catalogue key. */
export const KEY_OBJECTS = `${ROOT}/key`;
/** The object with all its wraps. */
export const KEYS = `${ROOT}/keys`;
export const KEY_COPIES = `${ROOT}/key-copies/`;
export const HEADS = `${ROOT}/versions/`;
export const LISTS = `${ROOT}/lists/`;
export const LEAVES = `${ROOT}/leaves/`;
export const REMOVALS = `${ROOT}/removed/`;

/** A copy of a wrap, which is in its name. */
export function keyCopyName({ fingerprint, wrapped }: { fingerprint: string; wrapped: string }): string {
  return `${KEY_COPIES}${fingerprint}-${wrapped}`;
}

/** The object of a version's head. */
export function headName(versionUid: string): string {
  return HEADS + toPart(versionUid);
}

/** The beginning of the names of all lists of a version. */
export function listPrefix(folder: string, versionUid: string): string {
  return `${LISTS}${folder}/${toPart(versionUid)}-`;
}

/** A list's name has the digest of its payload, so that a new one never replaces it. */
export function listName(folder: string, versionUid: string, digest: string): string {
  return listPrefix(folder, versionUid) + digest.slice(0, 16);
}

/** The object of a leaf. */
export function leafName(folder: string, name: string): string {
  return `${LEAVES}${folder}/${name}`;
}

/** The beginning of the names of all markers of a version. */
export function removalPrefix(versionUid: string): string {
  return `${REMOVALS}${toPart(versionUid)}-`;
}

/** A marker's name has the Unix time of the removal, so that no marker need be read. */
export function removalName(versionUid: string, unixTime: number): string {
  return removalPrefix(versionUid) + String(Math.floor(unixTime));
}

/** The version of a head, list or marker: the part that ends before `-` and the rest, if any. */
export function versionOf(name: string): string {
  const part = name.slice(name.lastIndexOf('/') + 1);
  return fromPart(name.startsWith(HEADS) ? part : part.slice(0, part.lastIndexOf('-')));
}

/** The Unix time in the name of a marker. */
export function timeOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

/** The folder of a list or leaf. */
export function folderOf(name: string): string {
  return name.split('/')[2] ?? '';
}

/** The folder of a version's list and leaves. */
export function folderOfHead({ list }: Pick<ManifestHead, 'list'>): string {
  return folderOf(list);
}

function toPart(uid: string): string {
  return USUAL_UID.test(uid) ? uid : `x${Buffer.from(uid).toString('hex')}`;
}

function fromPart(part: string): string {
  return part.startsWith('x') ? Buffer.from(part.slice(1), 'hex').toString() : part;
}
