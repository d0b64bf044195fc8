/**
 * From a password to keys: how a password becomes bytes, PKCS#12's own derivation and PBKDF2, within a budget.
 *
 * PKCS#12's derivation calls its hash from JavaScript: WebCrypto answers each of up to two million calls
 * asynchronously, which takes minutes. PBKDF2 is WebCrypto's.
 */
import { sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { integer, isInteger, isOctets, type Node, octets, oid, sequence } from './asn1';
import { type Bytes, toForge } from './binary';
import { PfxError } from './errors';

/** Hashes by object identifier (RFC 8018, B.1). */
const HASHES = {
  '1.3.14.3.2.26': sha1,
  '2.16.840.1.101.3.4.2.4': sha224,
  '2.16.840.1.101.3.4.2.1': sha256,
  '2.16.840.1.101.3.4.2.2': sha384,
  '2.16.840.1.101.3.4.2.3': sha512,
} as const;

/** HMACs by object identifier (RFC 8018, B.1.2): the hash of each and its name in WebCrypto, where it has one. */
const HMACS: Readonly<Record<string, { hash: Hash; name?: string }>> = {
  '1.2.840.113549.2.7': { hash: sha1, name: 'SHA-1' },
  '1.2.840.113549.2.8': { hash: sha224 },
  '1.2.840.113549.2.9': { hash: sha256, name: 'SHA-256' },
  '1.2.840.113549.2.10': { hash: sha384, name: 'SHA-384' },
  '1.2.840.113549.2.11': { hash: sha512, name: 'SHA-512' },
};

export type Hash = (typeof HASHES)[keyof typeof HASHES];

/** What PKCS#12's derivation makes (RFC 7292, B.3). */
export const KEY = 1;
export const IV = 2;
export const MAC_KEY = 3;

const MOST_ITERATIONS = 2_000_000;
const MOST_ITERATIONS_PER_FILE = 8_000_000;
const MOST_KEY_BYTES = 128; // a block of SHA-512: more is hashed down by HMAC

/** A hostile file may ask for any work, many times over; a file that asks for more than this is refused. */
export class IterationBudget {
  #left = MOST_ITERATIONS_PER_FILE;

  /**
   * Take `iterations` for each of the blocks that one derivation makes.
   * Throws PfxError `unsupported` when these, or all derivations together, are too many.
   */
  spend(iterations: number, blocks: number): void {
    if (iterations < 1) throw new PfxError('failed', 'no iterations');
    this.#left -= iterations * blocks;
    if (iterations > MOST_ITERATIONS || this.#left < 0) throw new PfxError('unsupported', 'too many iterations');
  }
}

/** A password in the encodings that files are made with, until `wipe`. */
export class Secret {
  /** For PKCS#12's derivation (BMPString with its terminator, RFC 7292, B.1), the likeliest first. */
  readonly bmp: Bytes[];
  /** For PBKDF2. */
  readonly utf8: Bytes;
  readonly budget = new IterationBudget();

  constructor(password: string) {
    this.utf8 = new TextEncoder().encode(password);
    this.bmp = [bmpString(password)];
    // Two conventions for "no password": an empty string with its terminator, or nothing at all.
    if (password === '') this.bmp.push(new Uint8Array());
    // OpenSSL before 1.1 took every byte of the UTF-8 form for a character.
    if (this.utf8.length > password.length) this.bmp.push(bmpString(toForge(this.utf8)));
  }

  /** Put the encoding that proved right first. */
  prefer(encoding: Bytes): void {
    this.bmp.sort((one, other) => Number(other === encoding) - Number(one === encoding));
  }

  wipe(): void {
    for (const encoding of [this.utf8, ...this.bmp]) encoding.fill(0);
  }
}

/** Throws PfxError `unsupported` for a hash that is not SHA-1 or SHA-2. */
export function hashOf(id: string): Hash {
  return (HASHES as Readonly<Record<string, Hash>>)[id] ?? unsupported('hash', id);
}

/** The hash under an HMAC identifier. Throws PfxError `unsupported`. */
export function hmacHashOf(id: string): Hash {
  return HMACS[id]?.hash ?? unsupported('HMAC', id);
}

/** What PKCS#12's derivation works from. */
export interface Pkcs12Derivation {
  readonly hash: Hash;
  readonly password: Bytes;
  readonly salt: Bytes;
  readonly iterations: number;
}

/** PKCS#12's derivation (RFC 7292, B.2): `length` bytes for one purpose. */
export function derivePkcs12(from: Pkcs12Derivation, purpose: number, length: number): Bytes {
  const { hash, password, salt, iterations } = from;
  const block = hash.blockLen;
  const state = new Uint8Array(block + filled(salt, block) + filled(password, block));
  state.fill(purpose, 0, block);
  repeat(salt, state.subarray(block, block + filled(salt, block)));
  repeat(password, state.subarray(block + filled(salt, block)));

  const derived = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += hash.outputLen) {
    let digest = hash(state);
    for (let iteration = 1; iteration < iterations; iteration++) digest = hash(digest);
    derived.set(digest.subarray(0, length - offset), offset);
    for (let start = block; start < state.length; start += block) addOneAnd(digest, state.subarray(start, start + block));
    digest.fill(0);
  }
  state.fill(0);
  return derived;
}

/**
 * PBKDF2 as its parameters say (RFC 8018, A.2): `length` bytes, or without it as many as the parameters name.
 * Throws PfxError.
 */
export async function derivePbkdf2(algorithm: Node | undefined, secret: Secret, length?: number): Promise<Bytes> {
  const [id, parameters] = sequence(algorithm);
  const name = oid(id);
  if (name !== '1.2.840.113549.1.5.12') return unsupported('key derivation', name);
  const [salt, iterations, ...rest] = sequence(parameters);
  const [keyLength, prf] = isInteger(rest[0]) ? rest : [undefined, rest[0]];
  const hmac = prf === undefined ? '1.2.840.113549.2.7' : oid(sequence(prf)[0]);
  const hash = HMACS[hmac]?.name ?? unsupported('HMAC', hmac);
  if (!isOctets(salt)) return unsupported('salt', 'not given');
  const named = keyLength === undefined ? length : integer(keyLength);
  if (named === undefined || named !== (length ?? named)) throw new PfxError('failed', 'another key length');
  if (named > MOST_KEY_BYTES) return unsupported('key length', String(named));
  secret.budget.spend(integer(iterations), 1);

  const key = await crypto.subtle.importKey('raw', secret.utf8, 'PBKDF2', false, ['deriveBits']);
  const parametersOf = { name: 'PBKDF2', hash, salt: octets(salt), iterations: integer(iterations) };
  return new Uint8Array(await crypto.subtle.deriveBits(parametersOf, key, named * 8));
}

/** Throws PfxError `unsupported`, naming what was met. */
export function unsupported(what: string, id: string): never {
  throw new PfxError('unsupported', `${what} ${id}`);
}

function bmpString(text: string): Bytes {
  const bytes = new Uint8Array(text.length * 2 + 2);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    bytes[index * 2] = unit >> 8;
    bytes[index * 2 + 1] = unit & 0xff;
  }
  return bytes;
}

function filled(bytes: Bytes, block: number): number {
  return Math.ceil(bytes.length / block) * block;
}

function repeat(bytes: Uint8Array, into: Uint8Array): void {
  for (let index = 0; index < into.length; index++) into[index] = bytes[index % bytes.length] ?? 0;
}

/** Add `digest`, repeated to the block's length, and one to a block: big-endian, the carry out of the top is lost. */
function addOneAnd(digest: Uint8Array, block: Uint8Array): void {
  let carry = 1;
  for (let index = block.length - 1; index >= 0; index--) {
    carry += (block[index] ?? 0) + (digest[index % digest.length] ?? 0);
    block[index] = carry & 0xff;
    carry >>= 8;
  }
}
