import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';

let lab: Lab;
let uid: string;
beforeAll(async () => {
  lab = await Lab.create();
  uid = await lab.backup('null://10kB', 'vm');
  await lab.ok('protect', uid);
  await lab.ok('export', uid, lab.path('export'));
  lab.write('small', 'small');
  lab.write('garbage', 'no export\n');
  lab.write('cut', 'backy2 Version 2.12 metadata dump\n');
  const config = readFileSync(lab.path('backy.cfg'), 'utf8');
  lab.write('nokey.cfg', config.replace('encryption_version: 0', 'encryption_version: 1'));
  lab.write('bad.cfg', '[DEFAULTS]\nhash_function: sha51\nencryption_version: 0\n');
});
afterAll(() => lab.remove());

/** UID stands for the version, LAB for the folder of the lab. */
test.each([
  ['protect UID', 100, 'Version UID is already protected. Nothing was changed.'],
  ['rm UID', 100, 'Version UID is protected. Will not delete. Lift it first with: backy2 unprotect UID'],
  [
    'backup -c UID null://10kB vm',
    100,
    'You cannot continue a valid version. Version UID is complete. Start a new backup without -c.',
  ],
  [
    'backup vm vm',
    100,
    'Invalid URL "vm": it must start with its type, e.g. file://. Known: file://PATH, rbd://POOL/IMAGE, null://SIZE.',
  ],
  [
    'backup file://LAB vm',
    100,
    'LAB is neither a regular file nor a block device. Only these have a size: nothing else can be backed up or restored to.',
  ],
  [
    'restore UID file://LAB/small',
    1,
    'Target already exists: file://LAB/small. Restore with -f to overwrite it, or name another target.',
  ],
  [
    'restore -f UID file://LAB/small',
    1,
    'Target size is too small. Has 5b, need 10240b. Enlarge LAB/small or name another target.',
  ],
  ['expire UID tomorrow', 1, '"tomorrow" is not a date. Write YYYY-MM-DD, "YYYY-MM-DD HH:MM:SS" or YYYY-MM-DDTHH:MM:SS (UTC).'],
  [
    'ls -f uid,nope',
    100,
    'Unknown field "nope" in -f. Known fields: date,name,snapshot_name,size,size_bytes,uid,valid,protected,tags,expire',
  ],
  ['import LAB/export', 22, 'Version UID already exists and cannot be imported. Remove it first with: backy2 rm UID'],
  [
    'import LAB/garbage',
    23,
    'Wrong import format. The file must be what "backy2 export" writes (metadata formats 2.1, 2.2, 2.10 and 2.12). It was read from LAB/garbage.',
  ],
  [
    'import LAB/cut',
    23,
    'Line 2 of the import: the file ends before the version. Nothing was imported. The file must be whole and as "backy2 export" wrote it. It was read from LAB/cut.',
  ],
  [
    '-c LAB/nokey.cfg nbd --save',
    1,
    'encryption_version is 1, but there is no encryption_key. Nothing was written. Set encryption_key in section DEFAULTS to 64 hex digits (32 bytes), or set encryption_version: 0.',
  ],
  ['-c LAB/none.cfg ls', 1, 'File not found: LAB/none.cfg. Check the path given with -c.'],
  [
    '-c LAB/bad.cfg ls',
    1,
    'LAB/bad.cfg: [DEFAULTS] hash_function: "sha51" is not one of md5, sha1, sha224, sha256, sha384, sha512, sha3_224, sha3_256, sha3_384, sha3_512, blake2b, blake2s. Did you mean sha512?',
  ],
])('%s', async (words, code, line) => {
  const real = (text: string) => text.replaceAll('UID', uid).replaceAll('LAB', lab.folder);
  const result = await lab.run(real(words).split(' '));
  expect(result.stderr).toBe(`   ERROR: ${real(line)}\n   ERROR: Backy failed.\n`);
  expect(result.code).toBe(code);
});
