/**
 * A strict walk over DER (X.690): tag, definite length, content.
 *
 * It serves what the first load needs to read (a certificate's names and dates, the digest inside the signed
 * attributes) and the key formats that are DER by rule. It refuses what DER refuses: indefinite and needlessly long
 * lengths, bytes after the end. BER, as PKCS#12 files may be, is read with a library (`pfx/asn1.ts`).
 *
 *     const [version, serial] = childrenOf(only(bytes, SEQUENCE));
 */

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OID = 0x06;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** The bytes are not the DER that was expected. */
export class DerError extends Error {
  override name = 'DerError';
}

/** One element; both arrays are views of the bytes read, not copies. */
export interface Tlv {
  /** The identifier octet, e.g. 0x30 for SEQUENCE. */
  readonly tag: number;
  /** The content octets. */
  readonly content: Uint8Array;
  /** Identifier, length and content octets. */
  readonly raw: Uint8Array;
}

/**
 * The element that starts at `offset`; what follows it is not looked at.
 * Throws DerError.
 */
export function readTlv(bytes: Uint8Array, offset = 0): Tlv {
  const tag = octet(bytes, offset);
  if ((tag & 0x1f) === 0x1f) throw new DerError('tag number above 30');
  let start = offset + 2;
  let length = octet(bytes, offset + 1);
  if (length > 0x7f) {
    const count = length & 0x7f;
    if (count === 0 || count > 4) throw new DerError('length is indefinite or too long');
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + octet(bytes, start + index);
    // X.690, 10.1: the fewest octets possible.
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('length is not minimal');
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('content ends early');
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(offset, end) };
}

/** The one element in `bytes`, which must have this tag and end with them. Throws DerError. */
export function only(bytes: Uint8Array, tag: number): Tlv {
  const element = expect(readTlv(bytes), tag);
  if (element.raw.length !== bytes.length) throw new DerError('bytes after the end');
  return element;
}

/** The elements inside a constructed element. Throws DerError. */
export function childrenOf(parent: Tlv): Tlv[] {
  if ((parent.tag & 0x20) === 0) throw new DerError('not a constructed element');
  const children: Tlv[] = [];
  for (let offset = 0; offset < parent.content.length; ) {
    const child = readTlv(parent.content, offset);
    children.push(child);
    offset += child.raw.length;
  }
  return children;
}

/** The element itself when it is there and has this tag. Throws DerError. */
export function expect(element: Tlv | undefined, tag: number): Tlv {
  if (element?.tag !== tag) throw new DerError('another element was expected');
  return element;
}

/** The dotted form of an object identifier's content octets. Throws DerError. */
export function dotted(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) throw new DerError('object identifier is too long');
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      // X.690, 8.19.4: the first two arcs share one number.
      const first = Math.min(Math.floor(value / 40), 2);
      arcs.push(first);
      value -= first * 40;
    }
    arcs.push(value);
    value = 0;
  }
  if (arcs.length === 0 || (content[content.length - 1] ?? 0) & 0x80) throw new DerError('object identifier is cut');
  return arcs.join('.');
}

/** One element with this tag around the parts, in a new array. */
export function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = [tag];
  if (length < 0x80) header.push(length);
  else {
    const octets: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    header.push(0x80 | octets.length, ...octets);
  }
  const encoded = new Uint8Array(header.length + length);
  encoded.set(header);
  let offset = header.length;
  for (const part of parts) {
    encoded.set(part, offset);
    offset += part.length;
  }
  return encoded;
}

/** Hexadecimal, lower case. */
export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** True when both hold the same bytes; the time taken depends on them. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** Throws DerError behind the end. */
export function octet(bytes: Uint8Array, offset: number): number {
  const value = bytes[offset];
  if (value === undefined) throw new DerError('bytes end early');
  return value;
}
