import type { Aes } from './aes.ts';
import { nodeAes } from './node-aes.ts';
import { once } from './once.ts';
import { openSslAes } from './openssl-aes.ts';

/** The AES of this thread. */
export const fastestAes = once((): Aes => openSslAes() ?? nodeAes);
