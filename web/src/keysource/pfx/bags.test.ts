// @vitest-environment node
/** Files put together here, in the clear and without a MAC: what the tools that write vectors would not write. */
import { beforeAll, describe, expect, test } from 'vitest';
import { encode, INTEGER, OCTET_STRING, OID, SEQUENCE, SET } from '../../bytes/der';
import { openPfx } from './reader';

type Bytes = Uint8Array<ArrayBuffer>;

const SAFE_BAG = '2a864886f70d010c0a01'; // 1.2.840.113549.1.12.10.1
let pkcs8: Bytes;
let publicKeyInfo: Bytes;

beforeAll(async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  publicKeyInfo = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
});

describe('chains', () => {
  test('issuers that certify each other end the chain where it would repeat', async () => {
    const [leaf, a, b] = [certificate('leaf', 'A'), certificate('A', 'B'), certificate('B', 'A')];
    const [identity] = await openPfx(pfx(keyBag(pkcs8), ...[leaf, b, a].map(certificateBag)), '');
    expect(identity?.certificate).toEqual(leaf);
    expect(identity?.chain).toEqual([a, b]);
  });

  test('a missing issuer ends the chain', async () => {
    const [leaf, a, root] = [certificate('leaf', 'A'), certificate('A', 'B'), certificate('C', 'C')];
    const [identity] = await openPfx(pfx(keyBag(pkcs8), ...[leaf, root, a].map(certificateBag)), '');
    expect(identity?.chain).toEqual([a]);
  });
});

describe('one bag that is of no use leaves the others usable', () => {
  test.each([
    ['a key with an encryption that is unknown', () => shroudedBag()],
    ['a key whose algorithm is broken', () => keyBag(withBrokenAlgorithm())],
    ['a key that is not whole', () => keyBag(encode(SEQUENCE, ...fieldsOfKey(), encode(OCTET_STRING, new Uint8Array(9))))],
    ['a revocation list', () => bag('04', encode(SEQUENCE))],
    ['a secret', () => bag('05', encode(SEQUENCE))],
    ['a certificate of another kind', () => bag('03', encode(SEQUENCE, oid('2a864886f70d01091602'), encode(0xa0)))],
    ['bytes for a certificate', () => certificateBag(Uint8Array.of(1, 2, 3))],
  ])('%s', async (_, useless) => {
    const leaf = certificate('leaf', 'leaf');
    const found = await openPfx(pfx(useless(), keyBag(pkcs8), certificateBag(leaf)), '');
    expect(found).toMatchObject([{ certificate: leaf, chain: [], pkcs8 }]);
    const reversed = await openPfx(pfx(certificateBag(leaf), keyBag(pkcs8), useless()), '');
    expect(reversed).toHaveLength(1);
  });

  test.each([
    ['unsupported', () => shroudedBag()],
    ['failed', () => keyBag(withBrokenAlgorithm())],
    ['no-private-key', () => bag('04', encode(SEQUENCE))],
  ])('and by itself says %s', async (code, useless) => {
    const file = pfx(useless(), certificateBag(certificate('leaf', 'leaf')));
    await expect(openPfx(file, '')).rejects.toMatchObject({ name: 'PfxError', code });
  });
});

describe('limits', () => {
  const times = (count: number, one: Bytes) => Array.from({ length: count }, () => one);

  test('200 bags are read, and not one more', async () => {
    const leaf = certificateBag(certificate('leaf', 'leaf'));
    expect(await openPfx(pfx(keyBag(pkcs8), ...times(199, leaf)), '')).toHaveLength(1);
    await expect(openPfx(pfx(keyBag(pkcs8), ...times(200, leaf)), '')).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('20 keys are read, and not one more', async () => {
    const leaf = certificateBag(certificate('leaf', 'leaf'));
    expect(await openPfx(pfx(...times(20, keyBag(pkcs8)), leaf), '')).toHaveLength(20);
    await expect(openPfx(pfx(...times(21, keyBag(pkcs8)), leaf), '')).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('bags lie four deep, and no deeper', async () => {
    const nested = (depth: number): Bytes =>
      depth === 0 ? keyBag(pkcs8) : bag('06', encode(SEQUENCE, nested(depth - 1)));
    const leaf = certificateBag(certificate('leaf', 'leaf'));
    expect(await openPfx(pfx(nested(4), leaf), '')).toHaveLength(1);
    await expect(openPfx(pfx(nested(5), leaf), '')).rejects.toMatchObject({ code: 'unsupported' });
  });
});

function pfx(...bags: Bytes[]): Bytes {
  const contents = contentInfo(encode(SEQUENCE, ...bags));
  return encode(SEQUENCE, encode(INTEGER, Uint8Array.of(3)), contentInfo(encode(SEQUENCE, contents)));
}

function contentInfo(content: Bytes): Bytes {
  return encode(SEQUENCE, oid('2a864886f70d010701'), encode(0xa0, encode(OCTET_STRING, content)));
}

function bag(kind: string, value: Bytes): Bytes {
  return encode(SEQUENCE, oid(SAFE_BAG + kind), encode(0xa0, value));
}

function keyBag(key: Bytes): Bytes {
  return bag('01', key);
}

/** Shrouded with 1.2.3. */
function shroudedBag(): Bytes {
  return bag('02', encode(SEQUENCE, encode(SEQUENCE, oid('2a03'), encode(SEQUENCE)), encode(OCTET_STRING)));
}

function certificateBag(der: Bytes): Bytes {
  return bag('03', encode(SEQUENCE, oid('2a864886f70d01091601'), encode(0xa0, encode(OCTET_STRING, der))));
}

/** Version and algorithm of an EC key on P-256. */
function fieldsOfKey(): Bytes[] {
  const algorithm = encode(SEQUENCE, oid('2a8648ce3d0201'), oid('2a8648ce3d030107'));
  return [encode(INTEGER, Uint8Array.of(0)), algorithm];
}

function withBrokenAlgorithm(): Bytes {
  return encode(SEQUENCE, encode(INTEGER, Uint8Array.of(0)), encode(SEQUENCE, oid('2a86')), encode(OCTET_STRING));
}

/** Not signed: nothing here validates certificates. */
function certificate(subject: string, issuer: string): Bytes {
  const name = (text: string) => {
    const value = encode(0x0c, new TextEncoder().encode(text));
    return encode(SEQUENCE, encode(SET, encode(SEQUENCE, oid('550403'), value)));
  };
  const serial = encode(INTEGER, Uint8Array.of(1));
  const algorithm = encode(SEQUENCE, oid('2a03'));
  const fields = [serial, algorithm, name(issuer), encode(SEQUENCE), name(subject), publicKeyInfo];
  return encode(SEQUENCE, encode(SEQUENCE, ...fields), algorithm, encode(0x03, Uint8Array.of(0)));
}

function oid(hex: string): Bytes {
  return encode(OID, Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}
