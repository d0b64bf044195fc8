import { describe, expect, test } from 'vitest';
import { toBase64 } from '../bytes/base64';
import { DerError, encode, OCTET_STRING, OID, SEQUENCE, SET } from '../bytes/der';
import { contentOf } from './cms';

const text = (value: string) => new TextEncoder().encode(value);
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const CONTENT = text('%PDF-1.7 the contract');
const OID_SIGNED = encode(OID, new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]));
const OID_DATA = encode(OID, new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]));
const VERSION = encode(0x02, new Uint8Array([1]));
const END = new Uint8Array([0, 0]);

/** A value of indefinite length. */
const open = (tag: number, ...parts: readonly Uint8Array[]) => joined(new Uint8Array([tag, 0x80]), ...parts, END);

function object(inside: Uint8Array | null): Uint8Array {
  const content = inside === null ? [] : [encode(0xa0, inside)];
  const signed = encode(SEQUENCE, VERSION, encode(SET), encode(SEQUENCE, OID_DATA, ...content), encode(SET));
  return encode(SEQUENCE, OID_SIGNED, encode(0xa0, signed));
}

const ATTACHED = object(encode(OCTET_STRING, CONTENT));
const PIECES = open(0x24, encode(OCTET_STRING, CONTENT.subarray(0, 5)), open(0x24, encode(OCTET_STRING, CONTENT.subarray(5))));
const STREAMED = open(
  SEQUENCE,
  OID_SIGNED,
  open(0xa0, open(SEQUENCE, VERSION, encode(SET), open(SEQUENCE, OID_DATA, open(0xa0, PIECES)), encode(SET))),
);

const base64 = (bytes: Uint8Array) => text(toBase64(bytes).replace(/.{64}/g, '$&\r\n'));
const HEADER = text('Content-Type: application/pkcs7-mime;\r\n\tname="a.p7m"\r\nContent-Transfer-Encoding: base64\r\n\r\n');

describe('the content of a CMS object', () => {
  test.each([
    ['DER', ATTACHED],
    ['BER in pieces', STREAMED],
    ['base64', base64(ATTACHED)],
    ['base64 twice', base64(base64(ATTACHED))],
    ['base64 without padding', text(toBase64(ATTACHED).replace(/=+$/, ''))],
    ['a MIME header', joined(HEADER, base64(ATTACHED))],
    ['a byte order mark', joined(new Uint8Array([0xef, 0xbb, 0xbf]), base64(ATTACHED))],
    ['UTF-16', joined(new Uint8Array([0xff, 0xfe]), new Uint8Array(Buffer.from(toBase64(ATTACHED), 'utf16le')))],
    ['PEM', joined(text('-----BEGIN PKCS7-----\n'), base64(ATTACHED), text('\n-----END PKCS7-----\n'))],
  ])('is what a further signer signs: %s', (_, file) => {
    expect(Buffer.concat(contentOf(file))).toEqual(Buffer.from(CONTENT));
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['text', text('not base64 at all!')],
    ['cut', ATTACHED.subarray(0, 20)],
    ['no OCTET STRING', object(encode(0x02, CONTENT))],
    ['detached', object(null)],
    ['another structure', encode(SET, ATTACHED)],
    ['nested without end', new Uint8Array(200).map((_, index) => (index % 2 ? 0x80 : 0x30))],
    ['no end', STREAMED.subarray(0, STREAMED.length - 8)],
  ])('%s has none', (_, file) => {
    expect(() => contentOf(file)).toThrow(DerError);
  });
});
