/**
 * XML is signed in its canonical form (Exclusive XML Canonicalization 1.0), which a browser cannot make. So the server
 * hands that form out, and the page checks both ends: its digest is the one in SignedInfo, and it is the same document
 * as the original, node by node.
 */
import { fromBase64 } from '../bytes/base64';

const XMLNS = 'http://www.w3.org/2000/xmlns/';
const XMLDSIG = 'http://www.w3.org/2000/09/xmldsig#';
const SIGNED_PROPERTIES = 'Type="http://uri.etsi.org/01903#SignedProperties"';
const REFERENCE = /<ds:Reference ([^>]*)>(?:(?!<\/ds:Reference>).)*<ds:DigestValue>([^<]*)<\/ds:DigestValue><\/ds:Reference>/gs;

/** The digest of the document in a canonical SignedInfo; nothing unless there is one such reference and no third. */
export function documentDigestOf(signedInfo: Uint8Array): Uint8Array | null {
  const found = [...new TextDecoder().decode(signedInfo).matchAll(REFERENCE)];
  const [own, ...more] = found.filter(([, attributes]) => !attributes?.includes(SIGNED_PROPERTIES));
  const digest = own?.[2];
  return found.length === 2 && more.length === 0 && digest !== undefined ? fromBase64(digest) : null;
}

/**
 * An XML file as a tree; null for what is none. XMLHttpRequest: a parser that takes text is closed by Trusted Types.
 * Throws DOMException `NotReadableError`.
 */
export function treeOf(file: Blob): Promise<Document | null> {
  return new Promise((resolve, reject) => {
    const address = URL.createObjectURL(file);
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.overrideMimeType('application/xml');
    request.responseType = 'document';
    request.onerror = () => reject(new DOMException('the file cannot be read', 'NotReadableError'));
    request.onload = () => resolve(request.responseXML);
    request.onloadend = () => URL.revokeObjectURL(address);
    request.send();
  });
}

/** True when both say the same: canonicalization only drops comments, CDATA marks and unused namespace declarations. */
export function sameTree(one: Element, other: Element): boolean {
  if (one.namespaceURI !== other.namespaceURI || one.localName !== other.localName) return false;
  if (attributesOf(one).join('\n') !== attributesOf(other).join('\n')) return false;
  const [left, right] = [childrenOf(one), childrenOf(other)];
  return left.length === right.length && left.every((child, index) => sameNode(child, right[index]));
}

type Child = Element | string;

function sameNode(one: Child, other: Child | undefined): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return other !== undefined && sameTree(one, other);
}

function attributesOf(element: Element): string[] {
  return [...element.attributes]
    .filter(({ namespaceURI }) => namespaceURI !== XMLNS)
    .map(({ namespaceURI, localName, value }) => JSON.stringify([namespaceURI, localName, value]))
    .sort();
}

/** Elements and what is between them: text, with processing instructions as text that no file can hold. */
function childrenOf(element: Element): Child[] {
  const children: Child[] = [];
  let text = '';
  for (const node of element.childNodes) {
    if (node instanceof Element) {
      // Earlier signatures are left out of what a later one covers.
      if (node.namespaceURI === XMLDSIG && node.localName === 'Signature') continue;
      children.push(text, node);
      text = '';
    } else if (node instanceof ProcessingInstruction) text += `\0${node.target}\0${node.data}\0`;
    else if (node instanceof Text) text += node.data; // CDATA sections are texts, too
  }
  return [...children, text];
}
