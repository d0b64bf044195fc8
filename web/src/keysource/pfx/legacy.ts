/**
 * The ciphers that WebCrypto lacks, by node-forge: 3DES and RC2 of legacy files, and AES-192, which Chromium leaves
 * out. Loaded when a file needs one of them.
 */
import 'node-forge/lib/aes.js';
import 'node-forge/lib/des.js';
import cipher, { type Decipher } from 'node-forge/lib/cipher.js';
import rc2 from 'node-forge/lib/rc2.js';
import util from 'node-forge/lib/util.js';
import { type Bytes, fromForge, toForge } from './binary';

/** CBC with any of the three; the padding is left in place. */
export interface LegacyCipher {
  readonly name: '3DES' | 'AES' | 'RC2';
  /** RC2's effective key bits (RFC 2268, 2). */
  readonly effectiveBits?: number;
}

/** Decrypt whole blocks; the caller looks at the padding. */
export function decryptLegacy(algorithm: LegacyCipher, key: Bytes, iv: Bytes, ciphertext: Bytes): Bytes {
  const decipher = started(algorithm, toForge(key), toForge(iv));
  decipher.update(util.createBuffer(toForge(ciphertext)));
  decipher.finish(() => true); // no unpadding here: RC2's does not look at what it cuts off
  return fromForge(decipher.output.getBytes());
}

function started({ name, effectiveBits }: LegacyCipher, key: ForgeBytes, iv: ForgeBytes): Decipher {
  if (name === 'RC2') {
    const decipher = rc2.createDecryptionCipher(key, effectiveBits ?? key.length * 8);
    decipher.start(iv);
    return decipher;
  }
  const decipher = cipher.createDecipher(`${name}-CBC`, key);
  decipher.start({ iv });
  return decipher;
}
