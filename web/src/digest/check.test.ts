import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../bytes/base64';
import { encode, OCTET_STRING, OID, SEQUENCE, SET } from '../bytes/der';
import type { DigestAlgorithm, DocumentView, PreparedItem } from '../server/model';
import { pairUp, requireSameDocument } from './check';
import { WrongDocument } from './wrong-document';

const text = (value: string) => new TextEncoder().encode(value);
const MESSAGE_DIGEST = new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04]);
const ORIGINAL = text('the original bytes');
const BEFORE = text('appended before');
const AFTER = text('appended after');

/** What the digester makes of `bytes`, as a caller of `requireSameDocument` asks for it. */
function followed(bytes: Uint8Array, algorithm: DigestAlgorithm) {
  return async (...tails: readonly Uint8Array[]) =>
    tails.reduce((hash, tail) => hash.update(tail), createHash(algorithm).update(bytes)).digest();
}

function item(changes: Partial<PreparedItem> = {}, algorithm: DigestAlgorithm = 'SHA256'): PreparedItem {
  const digest = createHash(algorithm).update(ORIGINAL).update(BEFORE).update(AFTER).digest();
  const attribute = encode(SEQUENCE, encode(OID, MESSAGE_DIGEST), encode(SET, encode(OCTET_STRING, digest)));
  return {
    documentId: 'd',
    signatureType: 'Pdf',
    toSign: toBase64(encode(SET, attribute)),
    digestAlgorithm: algorithm,
    originalLength: ORIGINAL.length,
    tailBefore: toBase64(BEFORE),
    tailAfter: toBase64(AFTER),
    ...changes,
  };
}

describe('what is signed is what the page holds', () => {
  test.each(['SHA256', 'SHA384', 'SHA512'] as const)('%s of original and tail is accepted', async (name) => {
    await requireSameDocument(item({}, name), ORIGINAL.length, followed(ORIGINAL, name));
  });

  test.each([
    ['another original', ORIGINAL.map((byte) => byte ^ 1), {}],
    ['a shorter original', ORIGINAL.subarray(1), {}],
    ['another tail', ORIGINAL, { tailBefore: toBase64(text('other')) }],
    ['another end', ORIGINAL, { tailAfter: toBase64(text('other')) }],
    ['a wrong length', ORIGINAL, { originalLength: 3 }],
  ])('%s is refused', async (_, bytes, changes) => {
    const checking = requireSameDocument(item(changes), bytes.length, followed(bytes, 'SHA256'));
    await expect(checking).rejects.toThrow(WrongDocument);
  });

  test('bytes moved between original and tail are refused', async () => {
    const moved = text('the original bytesappended ');
    const checking = requireSameDocument(item({ tailBefore: toBase64(text('before')) }), moved.length, followed(moved, 'SHA256'));
    await expect(checking).rejects.toThrow(WrongDocument);
  });
});

describe('the consent covers', () => {
  const consented = ['a', 'b'].map((id) => ({ id }) as DocumentView);
  const items = (...ids: string[]) => ids.map((documentId) => item({ documentId }));

  test('exactly the documents that were listed, in any order', () => {
    expect(pairUp(items('b', 'a'), consented)?.map(([{ documentId }, { id }]) => [documentId, id])).toEqual([
      ['b', 'b'],
      ['a', 'a'],
    ]);
  });

  test.each([[['a']], [['a', 'b', 'c']], [['a', 'c']], [['a', 'a']], [['a', 'a', 'b']], [[]]])('not %j', (ids) => {
    expect(pairUp(items(...ids), consented)).toBeNull();
  });
});

test('base64 carries every byte, also many of them', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
  expect(fromBase64(toBase64(bytes))).toEqual(bytes);
});
