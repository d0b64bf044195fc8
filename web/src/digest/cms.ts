/**
 * A file that is a CMS object already gets one signer more, and that signature covers the content inside the object. So
 * the page takes the content out of its own bytes and compares its digest with the one it is asked to sign.
 */
import { fromBase64 } from '../bytes/base64';
import { DerError, octet } from '../bytes/der';

const SEQUENCE = 0x30;
const EXPLICIT = 0xa0;
/** From a ContentInfo to the octets of its content (RFC 5652, 3 and 5.1): what a value must be, and which child is next. */
const PATH = [
  [SEQUENCE, 1],
  [EXPLICIT, 0],
  [SEQUENCE, 2],
  [SEQUENCE, 1],
  [EXPLICIT, 0],
] as const;
const MAX_DEPTH = 16;
/** What stands before the base64 letters: the header of a MIME entity, the first line of PEM. */
const BEFORE = /^\s*((content-|mime-|x-).*\r?\n([ \t].*\r?\n)*)*\s*(-----BEGIN .*)?/i;

/** Where the content of a value is, and where the next value begins. */
interface Place {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** The content of the SignedData in `file`, in pieces; the object may be in base64, three times at most. Throws DerError. */
export function contentOf(file: Uint8Array): readonly Uint8Array[] {
  let bytes = file;
  for (let layer = 0; layer < 3 && bytes[0] !== SEQUENCE; layer++) bytes = decoded(bytes);
  let place = element(bytes, 0);
  for (const [tag, index] of PATH) {
    const child = place.tag === tag ? childrenOf(bytes, place)[index] : undefined;
    if (child === undefined) throw new DerError('no SignedData with its content');
    place = child;
  }
  return piecesOf(bytes, place);
}

function decoded(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder(bytes[0] === 0xff ? 'utf-16' : 'utf-8').decode(bytes).replace(BEFORE, '');
  try {
    return fromBase64((text.split('-----', 1)[0] ?? '').replace(/\s+|=/g, ''));
  } catch {
    throw new DerError('no base64');
  }
}

/** The value at `offset` (X.690, 8.1); its length may be indefinite. */
function element(bytes: Uint8Array, offset: number, depth = 0): Place {
  if (depth > MAX_DEPTH) throw new DerError('too deep');
  const tag = octet(bytes, offset);
  const first = octet(bytes, offset + 1);
  let start = offset + 2;
  let length = first;
  if (first === 0x80) {
    let child = element(bytes, start, depth + 1);
    let end = start;
    for (; child.tag !== 0; child = element(bytes, end, depth + 1)) end = child.next;
    return { tag, start, end, next: child.next };
  }
  if (first > 0x80) {
    length = 0;
    for (const last = start + first - 0x80; start < last; start++) length = length * 256 + octet(bytes, start);
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('content ends early');
  return { tag, start, end, next: end };
}

function childrenOf(bytes: Uint8Array, { start, end }: Place): Place[] {
  const children: Place[] = [];
  for (let offset = start; offset < end; ) {
    const child = element(bytes, offset);
    children.push(child);
    offset = child.next;
  }
  return children;
}

/** The octets of an OCTET STRING, which may be in pieces (X.690, 8.7). */
function piecesOf(bytes: Uint8Array, octets: Place): Uint8Array[] {
  if (octets.tag === 0x04) return [bytes.subarray(octets.start, octets.end)];
  if (octets.tag !== 0x24) throw new DerError('no OCTET STRING');
  return childrenOf(bytes, octets).flatMap((child) => piecesOf(bytes, child));
}
