import { expect, test, vi } from 'vitest';
import { toBase64 } from '../bytes/base64';
import { documentDigestOf, treeOf } from './xml';

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

test('a file is parsed from its own bytes', async () => {
  const asked: Promise<string>[] = [];
  let readable = true;
  vi.stubGlobal('XMLHttpRequest', class {
    responseXML = null;
    onload = () => undefined;
    onerror = () => undefined;
    onloadend = () => undefined;
    overrideMimeType() {}
    open(_method: string, address: string) {
      asked.push(fetch(address).then((answer) => answer.text()));
    }
    async send() {
      await asked.at(-1);
      if (readable) this.onload();
      else this.onerror();
      this.onloadend();
    }
  });
  const file = new Blob(['<a/>']);
  expect(await treeOf(file)).toBeNull();
  readable = false;
  await expect(treeOf(file)).rejects.toMatchObject({ name: 'NotReadableError' });
  expect(await Promise.all(asked)).toEqual(['<a/>', '<a/>']);
  vi.unstubAllGlobals();
});
