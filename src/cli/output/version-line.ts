/** The last line of a backup, as scripts look for it. */
export function versionLine({ uid, tags }: { uid: string; tags: readonly string[] }): string {
  return `New version: ${uid} (Tags: [${tags.join(',')}])`;
}
