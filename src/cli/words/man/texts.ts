import { SCHEMES } from '../../../io/io-url.ts';

type Terms = readonly (readonly [term: string, meaning: string])[];

/** What the program does, in paragraphs. */
export const INTRODUCTION = [
  '*backy2* backs up block devices, disk images and files. It cuts them into blocks, stores each content once, whichever version of whichever image it belongs to, and restores any version by itself.',
  'A _version_ is one backup of one image. It has a _uid_, which *backy2 ls* shows and most commands take, a name, and tags. Zero blocks take no space. Hints of what has changed since another version, such as *rbd diff* prints, make backups that read only that.',
  'Blocks are _blobs_ in a _data backend_; versions and where their blocks are stand in a database, the _meta store_. Both are named in the config file. Without any config file everything is kept in one folder, see *FILES*.',
  'Several backups, restores and scrubs may run at once. What was interrupted can be continued.',
];

/** The URLs that name sources and targets. */
export const SOURCES_AND_TARGETS: Terms = [
  [
    `*file://*_${SCHEMES.file.follows}_`,
    'A file or block device. An absolute path makes three slashes: *file:///dev/vg0/web*. A relative path is one of the current folder.',
  ],
  [
    `*rbd://*_${SCHEMES.rbd.follows}_`,
    'A Ceph RBD image or, with its name behind an @, a snapshot: *rbd://vms/web@monday*. In a namespace: *rbd://vms/customer/web*. A restore makes the image if it is not there.',
  ],
  [
    `*null://*_${SCHEMES.null.follows}_`,
    'For tests: as a source, made-up data of this size, with one of the units k, M, G, T, P (powers of 1024), such as *null://10GB*. As a target it takes everything and keeps nothing; the size may be left out.',
  ],
];

/** What scripts may rely on (cli.md). */
export const EXIT_STATUS: Terms = [
  ['*0*', 'Done.'],
  [
    '*1*',
    'No command was given; the config file is missing or wrong; the database is not initialised or not reachable; a date is wrong; the target was refused, because it exists, is too small, is in use or belongs to the store.',
  ],
  ['*2*', 'Wrong usage: unknown command or option, missing argument, value of the wrong kind.'],
  [
    '*5*',
    'The source differs from the base version outside of the hints, has data there without a base, or differs from the version to continue.',
  ],
  ['*6*', 'The data backend failed during a backup or restore, which can be continued.'],
  [
    '*20*',
    'A scrub found errors or an incomplete version, a repair left some; or a restore has finished, but some blocks are wrong or missing.',
  ],
  ['*22*', 'The version to import exists already.'],
  ['*23*', 'The file to import is no export.'],
  ['*100*', 'Any other failure.'],
  ['*130*, *143*', 'Stopped by SIGINT or SIGTERM. What was in flight is finished or dropped; a second signal stops at once.'],
];

/** Where the config is looked for, and where things are. */
export const FILES: Terms = [
  [
    '_/etc/backy.cfg_, _/etc/backy/backy.cfg_, _/etc/backy/conf.d/*_, _~/.backy.cfg_, _backy.cfg_',
    'The config files. All that exist are read in this order, later ones winning option by option; with *-c* that file alone.',
  ],
  [
    '_$XDG_DATA_HOME/backy2_, _/var/lib/backy2_ (root), _~/.local/share/backy2_',
    'Database, blobs, locks and log, when there is no config file: the first of them that fits.',
  ],
  ['_/tmp/backy.log_', 'The log, unless *logfile* names another file.'],
  ['_/tmp/backy_UID.lock_ and others', 'Locks, in the folder that *lock_dir* names.'],
];

/** Variables that are looked at. */
export const ENVIRONMENT: Terms = [
  ['*HOME*, *XDG_DATA_HOME*', 'See *FILES*.'],
  ['*NO_COLOR*, *TERM*', 'Colours are left out when *NO_COLOR* is set, and on a terminal that is *dumb*.'],
  ['*COLUMNS*', 'How wide help may be.'],
  ['*UV_THREADPOOL_SIZE*', 'How many reads and writes may wait for disks and clusters at once; 32 when it is not set.'],
];

/** Each: what is done, then its lines. */
export const EXAMPLES: readonly (readonly [what: string, ...lines: string[]])[] = [
  [
    'Back up a snapshot of a logical volume, and look at what there is:',
    'backy2 backup file:///dev/vg0/web-snap web',
    'backy2 ls web',
  ],
  [
    'Restore a version to a new file, then another one over a device:',
    'backy2 restore UID file:///tmp/web.img',
    'backy2 restore -f UID file:///dev/vg0/web',
  ],
  [
    'Back up what has changed between two snapshots of an RBD image:',
    'rbd diff --whole-object --format=json --from-snap mon vms/web@tue > diff.json',
    'backy2 backup -s tue -r diff.json -f UID_OF_MON rbd://vms/web@tue web',
  ],
  [
    'The same without the list, then without making snapshots oneself:',
    'backy2 backup --diff-from mon rbd://vms/web@tue web',
    'backy2 backup --auto rbd://vms/web web',
  ],
  ['The newest version of web, for a script:', 'backy2 -ms ls -f uid web | tail -1'],
  ['Give back the space of versions that are no longer wanted:', 'backy2 rm UID UID', 'backy2 cleanup'],
  ['Complete commands and versions in this bash:', 'source <(backy2 completion bash)'],
];

/** Other pages. */
export const SEE_ALSO = [
  '*rbd*(8), *lvcreate*(8), *crontab*(5)',
  'The folder _docs_ of the package says how each command behaves, and where it differs from the Python version; _backy.cfg.example_ explains every option of the config file.',
];
