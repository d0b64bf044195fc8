import { expect, test } from 'vitest';
import { toBase64 } from '../bytes/base64';
import { documentDigestOf } from './xml';

const DIGEST = new Uint8Array(32).fill(7);
const reference = (attributes: string, value = toBase64(DIGEST)) =>
  `<ds:Reference ${attributes}><ds:Transforms></ds:Transforms><ds:DigestMethod></ds:DigestMethod>` +
  `<ds:DigestValue>${value}</ds:DigestValue></ds:Reference>`;
const properties = reference('Type="http://uri.etsi.org/01903#SignedProperties" URI="#p"', 'AAAA');
const info = (...parts: string[]) => new TextEncoder().encode(`<ds:SignedInfo>\n${parts.join('\n')}</ds:SignedInfo>`);

test('the digest of the document is found beside that of the properties, in any order', () => {
  const own = reference('Id="r" URI=""');
  expect(documentDigestOf(info(own, properties))).toEqual(DIGEST);
  expect(documentDigestOf(info(properties, own))).toEqual(DIGEST);
});

test.each([
  ['no document', [properties]],
  ['two documents', [reference('URI=""'), reference('URI="#x"'), properties]],
  ['no properties', [reference('URI=""')]],
  ['properties twice', [properties, properties]],
  ['nothing', []],
])('%s is refused', (_, parts) => {
  expect(documentDigestOf(info(...parts))).toBeNull();
});
