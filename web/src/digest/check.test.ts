import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../bytes/base64';
import { encode, OCTET_STRING, OID, SEQUENCE, SET } from '../bytes/der';
import type { DigestAlgorithm, DocumentView, PreparedItem } from '../server/model';
import { digestShown, digestStream, hexOf, pairUp, requireSameDocument } from './check';
import { WrongDocument } from './wrong-document';

const text = (value: string) => new TextEncoder().encode(value);
const MESSAGE_DIGEST = new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04]);
const ORIGINAL = text('the original bytes');
const BEFORE = text('appended before');
const AFTER = text('appended after');

function stream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let start = 0; start < bytes.length; start += 5) controller.enqueue(bytes.subarray(start, start + 5));
      controller.close();
    },
  });
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
  test.each(['SHA256', 'SHA384', 'SHA512'] as const)('%s of original and tail is accepted, again and again', async (name) => {
    const held = await digestStream(stream(ORIGINAL), name);
    requireSameDocument(item({}, name), held);
    requireSameDocument(item({}, name), held);
    expect(hexOf(held)).toBe(createHash(name).update(ORIGINAL).digest('hex'));
  });

  test.each([
    ['another original', ORIGINAL.map((byte) => byte ^ 1), {}],
    ['a shorter original', ORIGINAL.subarray(1), {}],
    ['another tail', ORIGINAL, { tailBefore: toBase64(text('other')) }],
    ['another end', ORIGINAL, { tailAfter: toBase64(text('other')) }],
    ['a wrong length', ORIGINAL, { originalLength: 3 }],
    ['another algorithm', ORIGINAL, { digestAlgorithm: 'SHA512' as const }],
  ])('%s is refused', async (_, bytes, changes) => {
    const held = await digestStream(stream(bytes), 'SHA256');
    expect(() => requireSameDocument(item(changes), held)).toThrow(WrongDocument);
  });

  test('bytes moved between original and tail are refused', async () => {
    const held = await digestStream(stream(text('the original bytesappended ')), 'SHA256');
    expect(() => requireSameDocument(item({ tailBefore: toBase64(text('before')) }), held)).toThrow(WrongDocument);
  });
});

describe('what is signed is what was shown', () => {
  const shown = createHash('SHA256').update(ORIGINAL).digest('hex');

  test.each(['SHA256', 'SHA384', 'SHA512'] as const)('bytes with the fingerprint shown get their %s', async (name) => {
    const digested = await digestShown(stream(ORIGINAL), name, shown);
    expect(digested).toMatchObject({ algorithm: name, length: ORIGINAL.length });
    expect(hexOf(digested)).toBe(createHash(name).update(ORIGINAL).digest('hex'));
  });

  test.each(['SHA256', 'SHA384', 'SHA512'] as const)('other bytes are refused, whatever their %s', async (name) => {
    await expect(digestShown(stream(text('other bytes')), name, shown)).rejects.toThrow(WrongDocument);
  });

  test('a reading that breaks off is an error of its own', async () => {
    const broken = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new TypeError('cut')) });
    await expect(digestShown(broken, 'SHA512', shown)).rejects.toThrow(TypeError);
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
