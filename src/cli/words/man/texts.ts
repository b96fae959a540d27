import { EXIT_CODES, type ExitCode } from '../../../errors.ts';
import { SCHEMES } from '../../../io/io-url.ts';
import { READER_GONE } from '../../output/outcome.ts';

type Terms = readonly (readonly [term: string, meaning: string])[];

/** The paragraphs of the introduction. */
export const INTRODUCTION = [
  '*backy2* backs up block devices, disk images and files. It cuts them into blocks and stores identical blocks once, across all versions of all images. Any version can be restored by itself.',
  'A _version_ is one backup of one image. It has a _uid_, a name, and tags. *backy2 ls* lists the uids; most commands take one. Zero blocks take no space. With _hints_, such as the output of *rbd diff*, a backup reads only what has changed since another version.',
  'Blocks are stored as _blobs_ in a _data backend_. A database, the _meta store_, records the versions and their blocks. The config file names both. Without a config file everything is kept in one folder, see *FILES*.',
  'Several backups, restores and scrubs may run at once. Interrupted backups and restores can be resumed.',
];

/** The URLs that name sources and targets. */
export const SOURCES_AND_TARGETS: Terms = [
  [
    `*file://*_${SCHEMES.file.follows}_`,
    'A file or block device. An absolute path has three slashes: *file:///dev/vg0/web*. A relative path starts at the current folder.',
  ],
  [
    `*rbd://*_${SCHEMES.rbd.follows}_`,
    'A Ceph RBD image, or one of its snapshots: *rbd://vms/web@monday*. In a namespace: *rbd://vms/customer/web*. A restore creates the image if it does not exist.',
  ],
  [
    `*null://*_${SCHEMES.null.follows}_`,
    'For tests. As a source: generated data of this size, in units of k, M, G, T or P (powers of 1024), such as *null://10GB*. As a target: all data is discarded; the size is optional.',
  ],
];

const MEANINGS: Record<ExitCode | 0 | typeof READER_GONE, string> = {
  0: 'Done.',
  1: 'No command was given. The config file is missing or wrong. The database is not initialised, not reachable or of another layout than the config file says. A date is wrong. The target was refused: it exists, is too small, is in use or belongs to the store.',
  2: 'Wrong usage: unknown command or option, missing argument, value of the wrong kind.',
  5: 'The source differs from the base version outside the hints, has data there without a base, or differs from the version to resume. Or the target of *--delta-from* differs where nothing has changed.',
  6: 'The data backend failed during a backup or restore, which can be resumed.',
  20: 'Bad blocks: a scrub found errors or an incomplete version, a repair could not repair all, or a restore finished with wrong or missing blocks. Or *check-metadata* or *scrub --all* found damage in the database.',
  22: 'The version to import already exists.',
  23: 'The file to import is not an export.',
  100: 'Any other failure.',
  130: 'Stopped by SIGINT or SIGTERM. Blocks in flight are finished or dropped; a second signal stops at once.',
  [READER_GONE]: '*restore UID -*: the reader closed the pipe before the end.',
};

/** Exit codes, which scripts rely on. */
export const EXIT_STATUS: Terms = Object.entries(MEANINGS).map(([code, meaning]) => [
  code === String(EXIT_CODES.interrupted) ? '*130*, *143*' : `*${code}*`,
  meaning,
]);

/** Config files and default locations. */
export const FILES: Terms = [
  [
    '_/etc/backy.cfg_, _/etc/backy/backy.cfg_, _/etc/backy/conf.d/*_, _~/.backy.cfg_, _backy.cfg_',
    'Config files. All that exist are read in this order; later ones override single options. With *-c* only that file is read.',
  ],
  [
    '_$XDG_DATA_HOME/backy2_, _/var/lib/backy2_ (root), _~/.local/share/backy2_',
    'Database, blobs, locks and log if there is no config file. The first folder that applies is used.',
  ],
  ['_/tmp/backy.log_', 'The log [*logfile*].'],
  ['_/tmp/backy_UID.lock_ and others', 'Locks, in this folder [*lock_dir*].'],
];

/** Environment variables. */
export const ENVIRONMENT: Terms = [
  ['*HOME*, *XDG_DATA_HOME*', 'See *FILES*.'],
  ['*NO_COLOR*, *TERM*', 'Colours are off if *NO_COLOR* is set or the terminal is *dumb*.'],
  ['*COLUMNS*', 'Width of help.'],
  ['*UV_THREADPOOL_SIZE*', 'Maximum number of reads and writes that wait for disks and clusters at once [32].'],
];

/** A description, then its command lines. */
export const EXAMPLES: readonly (readonly [what: string, ...lines: string[]])[] = [
  [
    'Back up a snapshot of a logical volume, and list the versions:',
    'backy2 backup file:///dev/vg0/web-snap web',
    'backy2 ls web',
  ],
  [
    'Restore a version to a new file, then another one over a device:',
    'backy2 restore UID file:///tmp/web.img',
    'backy2 restore -f UID file:///dev/vg0/web',
  ],
  [
    'Back up the changes between two snapshots of an RBD image:',
    'rbd diff --whole-object --format=json --from-snap mon vms/web@tue > diff.json',
    'backy2 backup -s tue -r diff.json -f UID_OF_MON rbd://vms/web@tue web',
  ],
  [
    'The same without a hints file, then with automatic snapshots:',
    'backy2 backup --diff-from mon rbd://vms/web@tue web',
    'backy2 backup --auto rbd://vms/web web',
  ],
  ['The newest version of web, for a script:', 'backy2 -ms ls -f uid web | tail -1'],
  ['Free the space of unwanted versions:', 'backy2 rm UID UID', 'backy2 cleanup'],
  ['Complete commands and versions in this bash:', 'source <(backy2 completion bash)'],
];

/** Other pages. */
export const SEE_ALSO = [
  '*rbd*(8), *lvcreate*(8), *crontab*(5)',
  'The folder _docs_ of the package describes each command, and the differences from the Python version. _backy.cfg.example_ explains every option of the config file.',
];
