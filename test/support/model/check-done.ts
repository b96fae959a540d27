import { isDeepStrictEqual } from 'node:util';
import { sha256OfFile } from '../images/sha256.ts';
import { namedBlobs } from '../labs/check-store.ts';
import { type Lab, uidOf } from '../labs/lab.ts';
import type { Result } from '../program/process.ts';
import { type Operation, targetOf } from './operations.ts';

/**
 * Checks the result of an operation that ended with exit code 0. The state of all versions is
 * checked elsewhere.
 */
export function checkDone(operation: Operation, { result, lab }: { result: Result; lab: Lab }): void {
  const { kind, touches, plan } = operation;
  const [version] = touches;
  const row = version && lab.versions().find(({ name }) => name === version.name);
  switch (kind) {
    case 'backup':
    case 'hinted':
    case 'continue':
      claim(row?.uid === uidOf(result.stdout) || version?.mayGo, 'the version has another uid than the backup printed');
      claim(row?.valid === 1 || version?.mayGo, 'the backup says that all is well, and its version is not valid');
      break;
    case 'scrub':
      claim(row?.valid === 1 || version?.mayGo, 'scrub found nothing, and the version is not valid');
      break;
    case 'restore': {
      const sum = sha256OfFile(targetOf(operation));
      claim(sum === version?.sha256, `sha256 of what was restored is ${sum}, not ${version?.sha256}`);
      break;
    }
    case 'rm':
      claim(row === undefined, 'the version was removed and is there');
      break;
    case 'cleanup-full':
      if (plan.alone) claim(isDeepStrictEqual(lab.blobs(), namedBlobs(lab)), 'the blobs are not those that rows name');
  }
}

function claim(holds: boolean | undefined, otherwise: string): void {
  if (holds !== true) throw new Error(otherwise);
}
