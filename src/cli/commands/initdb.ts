import type { Command } from '../command.ts';

export const initdbCommand: Command = {
  name: 'initdb',
  description: 'Create the database.',
  args: [],
  options: [],
  needsDatabase: false,
  prepare() {
    return async ({ backy }) => {
      await backy.initdb();
      return { result: { initialized: true } };
    };
  },
};
