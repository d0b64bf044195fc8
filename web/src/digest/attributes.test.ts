import { describe, expect, test } from 'vitest';
import { DerError, encode, OCTET_STRING, OID, SEQUENCE, SET } from '../bytes/der';
import { messageDigestOf } from './attributes';

describe('the digest that a signature covers', () => {
  const digest = Uint8Array.from({ length: 32 }, (_, index) => index);
  const contentType = attribute([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03], encode(OID, Uint8Array.of(0x2a)));
  const messageDigest = (...values: Uint8Array[]) =>
    attribute([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04], ...values);

  test('is found among the attributes', () => {
    const signedAttrs = encode(SET, contentType, messageDigest(encode(OCTET_STRING, digest)));
    expect(messageDigestOf(signedAttrs)).toEqual(digest);
  });

  const one = messageDigest(encode(OCTET_STRING, digest));
  const other = messageDigest(encode(OCTET_STRING, new Uint8Array(32)));
  test.each([
    ['there is none', encode(SET, contentType)],
    ['there are two', encode(SET, one, other)],
    ['it has two values', encode(SET, messageDigest(encode(OCTET_STRING, digest), encode(OCTET_STRING, digest)))],
    ['it has no value', encode(SET, messageDigest())],
    ['it is no OCTET STRING', encode(SET, messageDigest(encode(0x05)))],
    ['it is deeper down', encode(SET, encode(SEQUENCE, one))],
    ['an attribute has a third part', encode(SET, encode(SEQUENCE, ...[...parts(one), encode(0x05)]))],
    ['the attributes are still [0], as in the message', encode(0xa0, one)],
    ['they are a SEQUENCE', encode(SEQUENCE, one)],
    ['bytes follow', Uint8Array.of(...encode(SET, one), 0)],
    ['the length is indefinite', Uint8Array.of(0x31, 0x80, ...one, 0, 0)],
    ['it is empty', new Uint8Array()],
  ])('is refused when %s', (_, signedAttrs) => {
    expect(() => messageDigestOf(signedAttrs)).toThrow(DerError);
  });

  function attribute(oid: readonly number[], ...values: Uint8Array[]): Uint8Array {
    return encode(SEQUENCE, encode(OID, Uint8Array.from(oid)), encode(SET, ...values));
  }

  function parts(sequence: Uint8Array): Uint8Array[] {
    return [sequence.subarray(2)];
  }
});
