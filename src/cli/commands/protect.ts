import type { Command } from '../command.ts';

export const protectCommand: Command = {
  name: 'protect',
  description: 'Protect a version from removal.',
  changesVersions: true,
  args: [['<version_uid>', 'version to protect']],
  options: [],
  prepare({ args: [uid = ''] }) {
    return async ({ backy }) => {
      await backy.setProtected(uid, true);
      return { result: { uid, protected: true } };
    };
  },
};

export const unprotectCommand: Command = {
  name: 'unprotect',
  description: 'Remove the protection of a version.',
  changesVersions: true,
  args: [['<version_uid>', 'version to unprotect']],
  options: [],
  prepare({ args: [uid = ''] }) {
    return async ({ backy }) => {
      await backy.setProtected(uid, false);
      return { result: { uid, protected: false } };
    };
  },
};
