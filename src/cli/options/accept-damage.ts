/** The option of commands that stop when a large part of the store is missing. */
export const ACCEPT_DAMAGE: [string, string] = [
  '--accept-damage',
  'go on although many blobs are missing from the data backend: they are lost for good',
];
