import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with recordings and stores of the original; they are not part of the project. */
export const GOLDEN_ROOT =
  process.env.BACKY_GOLDEN ?? resolve(fileURLToPath(new URL('../../../../shared/golden', import.meta.url)));
