/**
 * Password-based decryption as an AlgorithmIdentifier says: PKCS#12's own schemes (RFC 7292, C) and PBES2 (RFC 8018).
 *
 * AES-128 and AES-256 are WebCrypto's; the other ciphers are loaded when a file needs one (`legacy.ts`).
 */
import { integer, isInteger, type Node, octets, oid, sequence } from './asn1';
import type { Bytes } from './binary';
import { PfxError } from './errors';
import { derivePbkdf2, derivePkcs12, hashOf, IV, KEY, type Secret, unsupported } from './kdf';
import type { LegacyCipher } from './legacy';

const PBES2 = '1.2.840.113549.1.5.13';
const DES_EDE3_CBC = '1.2.840.113549.3.7';
const RC2_CBC = '1.2.840.113549.3.2';
const SHA1 = '1.3.14.3.2.26';

/** pbeWithSHAAnd...: RC4 (.1 and .2) is left out on purpose. */
const PKCS12_SCHEMES: Readonly<Record<string, { cipher: LegacyCipher; keyBytes: number }>> = {
  '1.2.840.113549.1.12.1.3': { cipher: { name: '3DES' }, keyBytes: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: { name: '3DES' }, keyBytes: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: { name: 'RC2', effectiveBits: 128 }, keyBytes: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: { name: 'RC2', effectiveBits: 40 }, keyBytes: 5 },
};

const AES_KEY_BYTES: Readonly<Record<string, number>> = {
  '2.16.840.1.101.3.4.1.2': 16,
  '2.16.840.1.101.3.4.1.22': 24,
  '2.16.840.1.101.3.4.1.42': 32,
};

/** RC2's version numbers for effective key bits below 256 (RFC 8018, B.2.3). */
const RC2_BITS: Readonly<Record<number, number>> = { 160: 40, 120: 64, 58: 128 };

/** A cipher with its vector and, for each encoding of the password, a way to its key. */
interface Recipe {
  readonly cipher: LegacyCipher;
  readonly attempts: readonly (() => Promise<KeyAndVector>)[];
}

interface KeyAndVector {
  readonly key: Bytes;
  readonly iv: Bytes;
}

/**
 * Decrypt and hand the plaintext to `read`, for each encoding of the password until `read` accepts one.
 * `read` throws PfxError `failed` for bytes that make no sense; it owns the plaintext that it accepts.
 * Throws PfxError: `wrong-secret` when no encoding makes sense, or what `read` throws besides `failed`.
 */
export async function decrypt<T>(
  algorithm: Node | undefined,
  ciphertext: Bytes,
  secret: Secret,
  read: (plaintext: Bytes) => T,
): Promise<T> {
  const { cipher, attempts } = recipe(algorithm, secret);
  for (const attempt of attempts) {
    const { key, iv } = await attempt();
    const plaintext = await cbc(cipher, key, iv, ciphertext).finally(() => key.fill(0));
    if (plaintext === undefined) continue;
    try {
      return read(plaintext);
    } catch (error) {
      plaintext.fill(0);
      if (!(error instanceof PfxError && error.code === 'failed')) throw error;
    }
  }
  throw new PfxError('wrong-secret', 'the plaintext makes no sense');
}

function recipe(algorithm: Node | undefined, secret: Secret): Recipe {
  const [id, parameters] = sequence(algorithm);
  const scheme = oid(id);
  return scheme === PBES2 ? pbes2(sequence(parameters), secret) : pkcs12(scheme, sequence(parameters), secret);
}

function pkcs12(scheme: string, [salt, iterations]: readonly Node[], secret: Secret): Recipe {
  const { cipher, keyBytes } = PKCS12_SCHEMES[scheme] ?? unsupported('encryption', scheme);
  const shared = { hash: hashOf(SHA1), salt: octets(salt), iterations: integer(iterations) };
  const attempts = secret.bmp.map((password) => async () => {
    secret.budget.spend(shared.iterations, 3); // SHA-1's 20 bytes: two blocks for the key, one for the vector
    const from = { ...shared, password };
    const key = derivePkcs12(from, KEY, keyBytes);
    return { key: keyBytes === 16 && cipher.name === '3DES' ? threeKeys(key) : key, iv: derivePkcs12(from, IV, 8) };
  });
  return { cipher, attempts };
}

function pbes2([derivation, encryption]: readonly Node[], secret: Secret): Recipe {
  const [id, parameters] = sequence(encryption);
  const scheme = oid(id);
  const keyed = (cipher: LegacyCipher, iv: Node | undefined, keyBytes?: number): Recipe => ({
    cipher,
    attempts: [async () => ({ key: await derivePbkdf2(derivation, secret, keyBytes), iv: octets(iv) })],
  });
  if (scheme === DES_EDE3_CBC) return keyed({ name: '3DES' }, parameters, 24);
  if (scheme === RC2_CBC) {
    const fields = sequence(parameters);
    const version = isInteger(fields[0]) ? integer(fields[0]) : undefined;
    const effectiveBits = version === undefined ? 32 : (RC2_BITS[version] ?? version);
    return keyed({ name: 'RC2', effectiveBits }, fields.at(-1));
  }
  return keyed({ name: 'AES' }, parameters, AES_KEY_BYTES[scheme] ?? unsupported('encryption', scheme));
}

/** The plaintext without its padding; nothing when the padding is wrong, as it is with a wrong key. */
async function cbc(cipher: LegacyCipher, key: Bytes, iv: Bytes, ciphertext: Bytes): Promise<Bytes | undefined> {
  const block = cipher.name === 'AES' ? 16 : 8;
  if (iv.length !== block || ciphertext.length === 0 || ciphertext.length % block !== 0) {
    throw new PfxError('failed', 'not whole blocks');
  }
  if (cipher.name === 'AES' && key.length !== 24) return webCryptoCbc(key, iv, ciphertext);
  const { decryptLegacy } = await import('./legacy');
  return withoutPadding(decryptLegacy(cipher, key, iv, ciphertext), block);
}

async function webCryptoCbc(key: Bytes, iv: Bytes, ciphertext: Bytes): Promise<Bytes | undefined> {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-CBC', false, ['decrypt']);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, imported, ciphertext));
  } catch (error) {
    // What WebCrypto says of wrong padding; anything else is no matter of the password.
    if (error instanceof DOMException && error.name === 'OperationError') return undefined;
    throw error;
  }
}

/** PKCS#7 padding (RFC 5652, 6.3) taken off a copy; the padded bytes are wiped. */
function withoutPadding(padded: Bytes, block: number): Bytes | undefined {
  const count = padded.at(-1) ?? 0;
  const right = count >= 1 && count <= block && padded.subarray(-count).every((byte) => byte === count);
  const plaintext = right ? padded.slice(0, -count) : undefined;
  padded.fill(0);
  return plaintext;
}

/** Two-key 3DES: the first key is used again as the third. */
function threeKeys(two: Bytes): Bytes {
  const three = new Uint8Array(24);
  three.set(two);
  three.set(two.subarray(0, 8), 16);
  two.fill(0);
  return three;
}
