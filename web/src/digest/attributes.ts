/**
 * The digest inside the attributes that a CMS signature covers: the page compares it with the digest of the bytes it
 * showed, so an input that could be read in two ways is refused.
 */
import { childrenOf, DerError, dotted, expect, OCTET_STRING, OID, only, SEQUENCE, SET } from '../bytes/der';

/**
 * The value of the message-digest attribute (RFC 5652, 11.2) in `signedAttrs`, the DER SET OF that is signed.
 * Throws DerError unless there is exactly one such attribute with exactly one value.
 */
export function messageDigestOf(signedAttrs: Uint8Array): Uint8Array {
  const digests = childrenOf(only(signedAttrs, SET)).flatMap((attribute) => {
    const [type, values, ...rest] = childrenOf(expect(attribute, SEQUENCE));
    const oid = dotted(expect(type, OID).content);
    const all = childrenOf(expect(values, SET));
    if (rest.length > 0) throw new DerError('an attribute has two parts');
    return oid === '1.2.840.113549.1.9.4' ? all : [];
  });
  if (digests.length !== 1) throw new DerError('one message digest was expected');
  return expect(digests[0], OCTET_STRING).content;
}
