/**
 * The page signs only what it holds: before a key is used, the digest inside the attributes to be signed must be the
 * digest of the file's own bytes and of what the server appends to them (ISO 32000-1, 12.8.1: all but the contents).
 */
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { fromBase64 } from '../bytes/base64';
import { hex, sameBytes } from '../bytes/der';
import type { DigestAlgorithm, DocumentView, PreparedItem } from '../server/model';
import { messageDigestOf } from './attributes';
import { WrongDocument } from './wrong-document';
import { documentDigestOf, sameTree } from './xml';

const ALGORITHMS = { SHA256: sha256, SHA384: sha384, SHA512: sha512 } as const;

/** A digest under way; WebCrypto cannot take its input in pieces. */
export interface Running {
  update(bytes: Uint8Array): unknown;
  clone(): Running;
  digest(): Uint8Array;
}

/** A file's digest so far, and how many bytes it has seen. */
export interface Digested {
  readonly algorithm: DigestAlgorithm;
  readonly length: number;
  readonly running: Running;
}

/** Read a stream to its end. */
export async function digestStream(
  stream: ReadableStream<Uint8Array>,
  algorithm: DigestAlgorithm,
): Promise<Digested> {
  const running: Running = ALGORITHMS[algorithm].create();
  const reader = stream.getReader();
  let length = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    running.update(step.value);
    length += step.value.length;
  }
  return { algorithm, length, running };
}

/**
 * Read a stream to its end, whose SHA-256 was shown to the signer: `fingerprint`, in hexadecimal.
 * Throws WrongDocument when these are other bytes.
 */
export async function digestShown(
  stream: ReadableStream<Uint8Array>,
  algorithm: DigestAlgorithm,
  fingerprint: string,
): Promise<Digested> {
  const [one, other] = algorithm === 'SHA256' ? [stream, null] : stream.tee();
  const shown = digestStream(one, 'SHA256');
  const [known, digested] = await Promise.all([shown, other === null ? shown : digestStream(other, algorithm)]);
  if (hexOf(known) !== fingerprint) throw new WrongDocument('other bytes than those shown');
  return digested;
}

/** Each item with its document; nothing unless the items are for exactly these documents, each once. */
export function pairUp(
  items: readonly PreparedItem[],
  documents: readonly DocumentView[],
): [PreparedItem, DocumentView][] | null {
  const left = new Map(documents.map((document) => [document.id, document]));
  const pairs = items.flatMap((item): [PreparedItem, DocumentView][] => {
    const document = left.get(item.documentId);
    left.delete(item.documentId);
    return document === undefined ? [] : [[item, document]];
  });
  return left.size === 0 && pairs.length === items.length ? pairs : null;
}

/** The digest as text; `digested` can be used further. */
export function hexOf(digested: Digested): string {
  return hex(digested.running.clone().digest());
}

/**
 * Throws WrongDocument unless `item` is a signature on the canonical form whose digest is `canonical`, and that form
 * (`signed`) is the document that was shown (`shown`).
 */
export function requireSameXml(
  item: PreparedItem,
  canonical: Digested,
  shown: Document | null,
  signed: Document | null,
): void {
  const expected = documentDigestOf(fromBase64(item.toSign));
  const same =
    expected !== null &&
    sameBytes(expected, canonical.running.clone().digest()) &&
    shown !== null &&
    signed !== null &&
    sameTree(shown.documentElement, signed.documentElement);
  if (!same) throw new WrongDocument(item.documentId);
}

/** Throws WrongDocument unless `item` is a signature on `original` and nothing else; `original` can be used further. */
export function requireSameDocument(item: PreparedItem, original: Digested): void {
  const running = original.running.clone();
  running.update(fromBase64(item.tailBefore));
  running.update(fromBase64(item.tailAfter));
  const expected = messageDigestOf(fromBase64(item.toSign));
  const same = sameBytes(expected, running.digest());
  if (!same || original.length !== item.originalLength || original.algorithm !== item.digestAlgorithm) {
    throw new WrongDocument(item.documentId);
  }
}
