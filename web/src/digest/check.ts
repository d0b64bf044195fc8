/**
 * The page signs only what it holds: before a key is used, the digest inside the attributes to be signed must be the
 * digest of the file's own bytes and of what the server appends to them (ISO 32000-1, 12.8.1: all but the contents).
 */
import { fromBase64 } from '../bytes/base64';
import { sameBytes } from '../bytes/der';
import type { DocumentView, PreparedItem } from '../server/model';
import { messageDigestOf } from './attributes';
import { WrongDocument } from './wrong-document';
import { documentDigestOf, sameTree } from './xml';

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

/**
 * Throws WrongDocument unless `item` is a signature on the canonical form whose digest is `canonical`, and that form
 * (`signed`) is the document that was shown (`shown`).
 */
export function requireSameXml(
  item: PreparedItem,
  canonical: Uint8Array,
  shown: Document | null,
  signed: Document | null,
): void {
  const expected = documentDigestOf(fromBase64(item.toSign));
  const same =
    expected !== null &&
    sameBytes(expected, canonical) &&
    shown !== null &&
    signed !== null &&
    sameTree(shown.documentElement, signed.documentElement);
  if (!same) throw new WrongDocument(item.documentId);
}

/**
 * Throws WrongDocument unless `item` is a signature on the file of `length` bytes and nothing else. `followed` makes the
 * digest of that file, with the item's algorithm, followed by what the server appends.
 */
export async function requireSameDocument(
  item: PreparedItem,
  length: number,
  followed: (...tails: readonly Uint8Array[]) => Promise<Uint8Array>,
): Promise<void> {
  const digest = await followed(fromBase64(item.tailBefore), fromBase64(item.tailAfter));
  const same = sameBytes(messageDigestOf(fromBase64(item.toSign)), digest);
  if (!same || length !== item.originalLength) throw new WrongDocument(item.documentId);
}
