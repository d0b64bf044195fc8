/**
 * Typed reading of BER, on node-forge's ASN.1 module: PKCS#12 files may have indefinite lengths and octet strings in
 * chunks (NSS, Bouncy Castle). Every function throws PfxError `failed` when the element is not what it asks for.
 */
import asn1, { type Node } from 'node-forge/lib/asn1.js';
import { type Bytes, fromForge, toForge } from './binary';
import { PfxError } from './errors';

export type { Node };

const UNIVERSAL = 0x00;
const CONTEXT = 0x80;
const [INTEGER, OCTET_STRING, OID, SEQUENCE, SET] = [2, 4, 6, 16, 17];

/** The first element in `bytes`; what follows it is left alone, as other readers of PKCS#12 do. */
export function parse(bytes: Uint8Array): Node {
  try {
    return asn1.fromDer(toForge(bytes), { strict: true, parseAllBytes: false, decodeBitStrings: false });
  } catch (error) {
    throw new PfxError('failed', 'not ASN.1', { cause: error });
  }
}

/** The elements of a SEQUENCE. */
export function sequence(node: Node | undefined): readonly Node[] {
  return elements(universal(node, SEQUENCE));
}

/** The elements of a SET. */
export function set(node: Node | undefined): readonly Node[] {
  return elements(universal(node, SET));
}

/** The one element inside `[number] EXPLICIT`. */
export function explicit(node: Node | undefined, number: number): Node {
  const inside = isContext(node, number) ? elements(node)[0] : undefined;
  return inside ?? refuse(`[${number}]`);
}

/** True for an element with the context tag `[number]`. */
export function isContext(node: Node | undefined, number: number): node is Node {
  return node?.tagClass === CONTEXT && node.type === number;
}

/** True for a universal OCTET STRING. */
export function isOctets(node: Node | undefined): node is Node {
  return node?.tagClass === UNIVERSAL && node.type === OCTET_STRING;
}

/** True for an INTEGER. */
export function isInteger(node: Node | undefined): node is Node {
  return node?.tagClass === UNIVERSAL && node.type === INTEGER;
}

/** The bytes of an OCTET STRING, its chunks joined. */
export function octets(node: Node | undefined): Bytes {
  return isOctets(node) ? fromForge(joined(node)) : refuse('OCTET STRING');
}

/** The bytes of `[number] IMPLICIT OCTET STRING`, its chunks joined. */
export function implicitOctets(node: Node | undefined, number: number): Bytes {
  return isContext(node, number) ? fromForge(joined(node)) : refuse(`[${number}] OCTET STRING`);
}

/** The dotted form of an OBJECT IDENTIFIER. */
export function oid(node: Node | undefined): string {
  const { value } = universal(node, OID);
  if (typeof value !== 'string' || value === '') return refuse('OBJECT IDENTIFIER');
  return asn1.derToOid(value);
}

/** A non-negative INTEGER of at most 48 bits. */
export function integer(node: Node | undefined): number {
  const { value } = universal(node, INTEGER);
  const bytes = fromForge(typeof value === 'string' ? value : '');
  if (bytes.length === 0 || bytes.length > 6 || (bytes[0] ?? 0) > 0x7f) return refuse('small INTEGER');
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The element in DER. */
export function toDer(node: Node): Bytes {
  return fromForge(asn1.toDer(node).getBytes());
}

function universal(node: Node | undefined, type: number | undefined): Node {
  return node?.tagClass === UNIVERSAL && node.type === type ? node : refuse(`universal ${type}`);
}

function elements(node: Node): readonly Node[] {
  return typeof node.value === 'string' ? refuse('constructed element') : node.value;
}

function joined(node: Node): ForgeBytes {
  if (typeof node.value === 'string') return node.value;
  return node.value.map((chunk) => (isOctets(chunk) ? joined(chunk) : refuse('OCTET STRING'))).join('');
}

function refuse(wanted: string): never {
  throw new PfxError('failed', `${wanted} was expected`);
}
