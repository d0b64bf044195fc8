/**
 * Reads PKCS#12 files (RFC 7292), in the browser: the file and its password never leave the page.
 *
 * For a Worker: a legacy file with many iterations takes seconds of script, and when the Worker ends, its memory ends.
 * Byte arrays with key material are wiped. Two things cannot be: the password, a string of the caller's, and what
 * node-forge decrypts for legacy files, strings as well; ending the Worker is what clears those.
 *
 *     const [identity] = await openPfx(new Uint8Array(await file.arrayBuffer()), password);
 */
import { Bags, openBags } from './bags';
import { PfxError } from './errors';
import { isCertificate, pairUp, type PfxIdentity } from './identities';
import { Secret } from './kdf';

export { PfxError, type PfxErrorCode } from './errors';
export type { PfxIdentity } from './identities';

const MOST_BYTES = 2_000_000;

/**
 * Every private key in the file with its certificate and chain, at least one.
 * Throws PfxError and nothing else, whatever the input.
 */
export async function openPfx(data: Uint8Array, password: string): Promise<PfxIdentity[]> {
  if (data.length > MOST_BYTES) throw new PfxError('failed', 'larger than any PKCS#12 file');
  const file = new Uint8Array(data);
  const secret = new Secret(password);
  const bags = new Bags();
  try {
    if (isPem(file)) throw new PfxError('pem', 'text instead of DER');
    if (isCertificate(file)) throw new PfxError('no-private-key', 'a certificate alone');
    await openBags(file, secret, bags);
    return await pairUp(bags);
  } catch (error) {
    throw error instanceof PfxError ? error : new PfxError('failed', 'not a readable PKCS#12 file', { cause: error });
  } finally {
    for (const holder of [secret, bags]) holder.wipe();
    file.fill(0); // it may hold a key in the clear (KEYPBE NONE)
  }
}

/** RFC 7468: `-----BEGIN`. */
function isPem(file: Uint8Array): boolean {
  return '-----BEGIN'.split('').every((character, index) => file[index] === character.charCodeAt(0));
}
