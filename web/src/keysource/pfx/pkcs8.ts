/** PKCS#8 private keys (RFC 5208, RFC 5958): which algorithm, and whole enough for every browser. */
import {
  BIT_STRING, childrenOf, DerError, dotted, encode, expect, INTEGER, OCTET_STRING, OID, only, SEQUENCE, type Tlv,
} from '../../bytes/der';
import { parse, toDer } from './asn1';
import type { Bytes } from './binary';
import { PfxError } from './errors';

/** The algorithms that the page signs with, as WebCrypto names them. */
export type KeyAlgorithm =
  | { name: 'RSASSA-PKCS1-v1_5' }
  | { name: 'ECDSA'; namedCurve: 'P-256' | 'P-384' | 'P-521' };

const RSA = '1.2.840.113549.1.1.1';
const EC = '1.2.840.10045.2.1';
const CURVES: Readonly<Record<string, 'P-256' | 'P-384' | 'P-521'>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
};

/**
 * The bytes when they are a PrivateKeyInfo in DER, else its DER form: WebCrypto takes no BER.
 * Throws PfxError `failed` when they are no PrivateKeyInfo.
 */
export function privateKeyInfo(bytes: Bytes): Bytes {
  if (isPrivateKeyInfo(bytes)) return bytes;
  const der = toDer(parse(bytes));
  if (!isPrivateKeyInfo(der)) throw new PfxError('failed', 'PrivateKeyInfo was expected');
  bytes.fill(0);
  return der;
}

/** What the key signs with. Throws DerError; PfxError `unsupported` for an algorithm or curve that WebCrypto lacks. */
export function algorithmOf(pkcs8: Bytes): KeyAlgorithm {
  const [id, parameters] = childrenOf(fieldsOf(pkcs8).algorithm);
  const name = dotted(expect(id, OID).content);
  if (name === RSA) return { name: 'RSASSA-PKCS1-v1_5' };
  const curve = name === EC && parameters?.tag === OID ? dotted(parameters.content) : undefined;
  const namedCurve = curve === undefined ? undefined : CURVES[curve];
  if (namedCurve === undefined) throw new PfxError('unsupported', `key ${curve ?? name}`);
  return { name: 'ECDSA', namedCurve };
}

/**
 * A copy of the key, an EC key with its public key inside: Firefox and WebKit have refused those without, and some
 * writers leave it out. `publicKeyInfo` is the certificate's. Throws DerError.
 */
export function withPublicKey(pkcs8: Bytes, publicKeyInfo: Uint8Array): Bytes {
  const { version, algorithm, key, rest } = fieldsOf(pkcs8);
  if (dotted(expect(childrenOf(algorithm)[0], OID).content) !== EC) return pkcs8.slice();
  const ecFields = childrenOf(only(key.content, SEQUENCE));
  if (ecFields.some(({ tag }) => tag === 0xa1)) return pkcs8.slice();
  const point = expect(childrenOf(only(publicKeyInfo, SEQUENCE))[1], BIT_STRING);
  // RFC 5915, 3: [1] EXPLICIT BIT STRING comes last.
  const inner = encode(SEQUENCE, ...ecFields.map(({ raw }) => raw), encode(0xa1, point.raw));
  const wrapped = encode(OCTET_STRING, inner);
  const whole = encode(SEQUENCE, version.raw, algorithm.raw, wrapped, ...rest.map(({ raw }) => raw));
  for (const part of [inner, wrapped]) part.fill(0);
  return whole;
}

interface Fields {
  readonly version: Tlv;
  readonly algorithm: Tlv;
  readonly key: Tlv;
  readonly rest: readonly Tlv[];
}

function fieldsOf(pkcs8: Bytes): Fields {
  const [version, algorithm, key, ...rest] = childrenOf(only(pkcs8, SEQUENCE));
  return {
    version: expect(version, INTEGER),
    algorithm: expect(algorithm, SEQUENCE),
    key: expect(key, OCTET_STRING),
    rest,
  };
}

function isPrivateKeyInfo(bytes: Bytes): boolean {
  try {
    return childrenOf(fieldsOf(bytes).algorithm)[0]?.tag === OID;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
