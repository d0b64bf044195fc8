// @vitest-environment node
import { describe, expect, test } from 'vitest';
import { childrenOf, DerError, dotted, encode, OCTET_STRING, only, readTlv, SEQUENCE } from './der';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('what DER allows', () => {
  test('lengths of every size are written and read back', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_216]) {
      const encoded = encode(OCTET_STRING, new Uint8Array(length));
      expect(only(encoded, OCTET_STRING).content.length).toBe(length);
    }
  });

  test('children are views of the bytes, in order', () => {
    const parent = encode(SEQUENCE, encode(OCTET_STRING, bytes(1)), encode(OCTET_STRING), encode(0xa0, bytes(5, 0)));
    const children = childrenOf(only(parent, SEQUENCE));
    expect(children.map(({ tag, raw }) => [tag, raw.length])).toEqual([[0x04, 3], [0x04, 2], [0xa0, 4]]);
    expect(children.every(({ raw }) => raw.buffer === parent.buffer)).toBe(true);
  });

  test('object identifiers have their dots', () => {
    expect(dotted(bytes(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04))).toBe('1.2.840.113549.1.9.4');
    expect(dotted(bytes(0x60, 0x86, 0x48, 0x01))).toBe('2.16.840.1');
    expect(dotted(bytes(0x88, 0x37, 0x03))).toBe('2.999.3');
    expect(dotted(bytes(0x00))).toBe('0.0');
  });
});

describe('what DER refuses', () => {
  test.each([
    ['nothing', bytes()],
    ['a tag alone', bytes(0x04)],
    ['content that ends early', bytes(0x04, 2, 0)],
    ['a length that ends early', bytes(0x04, 0x82, 1)],
    ['an indefinite length', bytes(0x30, 0x80, 0, 0)],
    ['a short length in long form', bytes(0x04, 0x81, 0x7f, ...new Array(127).fill(0))],
    ['a leading zero in a length', bytes(0x04, 0x82, 0x00, 0x80, ...new Array(128).fill(0))],
    ['a length of five bytes', bytes(0x04, 0x85, 1, 0, 0, 0, 0)],
    ['a length of 4 GB', bytes(0x04, 0x84, 0xff, 0xff, 0xff, 0xff)],
    ['a tag number above 30', bytes(0x1f, 0x81, 0x01, 0)],
  ])('%s', (_, input) => {
    expect(() => readTlv(input)).toThrow(DerError);
  });

  test('bytes after the end', () => {
    expect(() => only(bytes(0x04, 1, 0, 0), OCTET_STRING)).toThrow(DerError);
  });

  test('another tag', () => {
    expect(() => only(bytes(0x05, 0), OCTET_STRING)).toThrow(DerError);
  });

  test('a child that reaches beyond its parent', () => {
    expect(() => childrenOf(only(bytes(0x30, 3, 0x04, 2, 0), SEQUENCE))).toThrow(DerError);
  });

  test('children of a primitive element', () => {
    expect(() => childrenOf(only(bytes(0x04, 2, 0x04, 0), OCTET_STRING))).toThrow(DerError);
  });

  test.each([[bytes()], [bytes(0x2a, 0x86)], [bytes(0x2a, ...new Array(9).fill(0xff), 0x01)]])(
    'object identifier %#, empty, cut or too long', (content) => {
      expect(() => dotted(content)).toThrow(DerError);
    });
});
