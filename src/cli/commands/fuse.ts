import type { Command } from '../command.ts';

export const fuseCommand: Command = {
  name: 'fuse',
  description: 'Mount all versions as files.',
  changesVersions: true,
  args: [['<mount>', 'mount point: an empty folder']],
  options: [],
  examples: [
    ['backy2 fuse /mnt/backups', 'Mounts until Ctrl-C. /mnt/backups/by_name/web/UID/data is an image of web.'],
    ['losetup -P -f --show /mnt/backups/by_version_uid/UID/data', 'Attaches an image and its partitions as block devices.'],
  ],
  prepare({ args: [mountpoint = ''] }) {
    return async ({ backy, note, sayMachine }) => {
      const result = await backy.mount({
        mountpoint,
        onMounted: (where) => {
          note({ mountpoint: where });
          sayMachine(where);
        },
      });
      return { result: { ...result } };
    };
  },
};
