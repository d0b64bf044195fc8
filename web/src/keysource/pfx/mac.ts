/** The file's own check of the password and of its contents: PKCS#12's MAC (RFC 7292, 4) or PBMAC1 (RFC 9579). */
import { hmac } from '@noble/hashes/hmac.js';
import { sameBytes } from '../../bytes/der';
import { integer, type Node, octets, oid, sequence } from './asn1';
import type { Bytes } from './binary';
import { PfxError } from './errors';
import { derivePbkdf2, derivePkcs12, hashOf, hmacHashOf, MAC_KEY, type Secret } from './kdf';

const PBMAC1 = '1.2.840.113549.1.5.14';

/**
 * Check `content` with the file's MacData.
 * Throws PfxError: `wrong-secret` when no encoding of the password gives the MAC, `unsupported`, `failed`.
 */
export async function checkMac(macData: Node, content: Bytes, secret: Secret): Promise<void> {
  const [digestInfo, salt, iterations] = sequence(macData);
  const [algorithm, expected] = sequence(digestInfo);
  const [id, parameters] = sequence(algorithm);
  const right = oid(id) === PBMAC1
    ? sameBytes(await pbmac1(parameters, content, secret), octets(expected))
    : pkcs12Mac({ hash: oid(id), salt, iterations, expected: octets(expected) }, content, secret);
  if (!right) throw new PfxError('wrong-secret', 'the MAC differs');
}

interface Pkcs12Mac {
  readonly hash: string;
  readonly salt: Node | undefined;
  readonly iterations: Node | undefined;
  readonly expected: Bytes;
}

function pkcs12Mac(mac: Pkcs12Mac, content: Bytes, secret: Secret): boolean {
  const hash = hashOf(mac.hash);
  const salt = octets(mac.salt);
  const iterations = mac.iterations === undefined ? 1 : integer(mac.iterations); // DEFAULT 1
  for (const password of secret.bmp) {
    secret.budget.spend(iterations, 1);
    const key = derivePkcs12({ hash, password, salt, iterations }, MAC_KEY, hash.outputLen);
    const right = sameBytes(hmac(hash, key, content), mac.expected);
    key.fill(0);
    if (right) {
      secret.prefer(password);
      return true;
    }
  }
  return false;
}

async function pbmac1(parameters: Node | undefined, content: Bytes, secret: Secret): Promise<Uint8Array> {
  const [derivation, scheme] = sequence(parameters);
  const hash = hmacHashOf(oid(sequence(scheme)[0]));
  const key = await derivePbkdf2(derivation, secret); // RFC 9579, 5: its length is never left out
  const mac = hmac(hash, key, content);
  key.fill(0);
  return mac;
}
