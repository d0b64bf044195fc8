// @vitest-environment node
/** The same files read by node-forge as a whole, which shares ciphers and ASN.1 with the reader, but nothing else. */
import forge from 'node-forge';
import { describe, expect, test } from 'vitest';
import { bytesOf, readable, type Vector } from '../../../tests/vectors';
import { openPfx } from './reader';

const BEYOND_FORGE = [
  /2des|rc2-128|pbes2-rc2/, // ciphers
  /sha224|pbmac1/, // MACs
  /non-ascii-modern|empty-null|widened/, // passwords
  /ber-(legacy|modern)|nested|trailing|broken/, // forms
  /no-public-key|mixed/, // read, but here a key is completed or left out
];

describe('node-forge finds the same', () => {
  const within = readable.filter(({ file }) => !BEYOND_FORGE.some((pattern) => pattern.test(file)));
  test.each(within)('$file', { timeout: 60_000 }, async (each) => {
    const theirs = byForge(each);
    const ours = await openPfx(bytesOf(each), each.password);
    for (const { pkcs8, certificate, chain } of ours) {
      expect(theirs.certificates).toEqual(expect.arrayContaining([certificate, ...chain].map(hex)));
      expect(theirs.keys.some((key) => hex(pkcs8).includes(key))).toBe(true);
    }
    expect(theirs.keys.length).toBe(ours.length);
  });
});

interface Found {
  readonly certificates: string[];
  /** The inner form of each key: RSAPrivateKey or ECPrivateKey. */
  readonly keys: string[];
}

function byForge({ file, password }: Vector): Found {
  const data = forge.util.binary.raw.encode(bytesOf({ file }));
  const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(data), password);
  const bags = pfx.safeContents.flatMap(({ safeBags }) => safeBags);
  const certificates = bags.filter(({ type }) => type === forge.pki.oids['certBag']);
  const keys = bags.filter(({ type }) => type !== forge.pki.oids['certBag']);
  return {
    certificates: certificates.map(({ cert, asn1 }) => der(cert ? forge.pki.certificateToAsn1(cert) : asn1)),
    keys: keys.map(({ key, asn1 }) => (key ? der(forge.pki.privateKeyToAsn1(key)) : der(asn1))),
  };
}

function der(node: forge.asn1.Asn1): string {
  return forge.util.bytesToHex(forge.asn1.toDer(node).getBytes());
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
